// Where the model runs, how long the start took, and the switch between executors.
import { el, say, sayOrHide } from './dom.js';
import { choose, preparing } from './load.js';
import { again } from './run.js';
import { long, modelChanged, now, outcomeChanged } from './state.js';
import { executorName, time } from './text.js';
import { webgpuSupport, type Classifier, type ExecutorName } from './intformer/index.js';

/** Makes the switch work and keeps the facts up to date. */
export function startExecutor(): void {
  for (const radio of radios()) {
    radio.addEventListener('change', () => void move(radio.value as ExecutorName, radio));
  }
  modelChanged.on(({ classifier }) => {
    describe(classifier);
    const { download, runtime, prepare, total, fromCache } = classifier.times;
    const from = fromCache ? ', from cache' : '';
    say('cold-time', `${time(total)}: model ${time(download)}${from}; WASM module ${time(runtime)}; kernels ${time(prepare)}`);
  });
  // A lost device may have been replaced by WASM.
  outcomeChanged.on(() => {
    if (now.loaded !== null) describe(now.loaded.classifier);
  });
}

function radios(): HTMLInputElement[] {
  return [...el('executors').querySelectorAll('input')];
}

function describe({ executor, adapter, fallback, threadNote, cacheNote }: Classifier): void {
  for (const radio of radios()) radio.checked = radio.value === executor;
  say('adapter', adapter.description);
  el('software').hidden = !adapter.software;
  const why = executor === 'wasm' ? fallback : null;
  sayOrHide('fallback', [why, threadNote, cacheNote].filter((note) => note !== null).join(' '));
}

async function move(executor: ExecutorName, radio: HTMLInputElement): Promise<void> {
  const { loaded } = now;
  if (loaded === null) return;
  await long(async () => {
    try {
      say('note', executor === 'wasm' ? 'Getting WASM ready' : preparing(await webgpuSupport()));
      await loaded.classifier.switchTo(executor);
      choose(executor);
      again();
    } finally {
      say('note', '');
      describe(loaded.classifier);
    }
  });
  // The focus was lost while the switch was disabled.
  if (document.activeElement === document.body) (radios().find((each) => each.checked) ?? radio).focus();
  say('executor-state', `Runs on ${executorName(loaded.classifier.executor)}.`);
}
