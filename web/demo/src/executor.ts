// Where the model runs, how long the start took, and the switch between executors.
import { el, say, sayOrHide } from './dom.js';
import { choose, preparing } from './load.js';
import { note } from './notices.js';
import { long } from './phase.js';
import { again } from './run.js';
import { executorChanged, modelChanged, now, outcomeChanged } from './state.js';
import { executorName, time } from './text.js';
import { webgpuSupport, type ImageClassifier, type ExecutorName } from './intformer/index.js';

/** Makes the switch work and keeps the facts up to date. */
export function startExecutor(): void {
  for (const radio of radios()) {
    radio.addEventListener('change', () => void move(radio.value as ExecutorName, radio));
  }
  let runs = 0;
  modelChanged.on(({ classifier }) => {
    runs = 0;
    describe(classifier);
    void markUnavailable();
    const { download, runtime, prepare, total, fromCache } = classifier.times;
    const from = fromCache ? ', from cache' : '';
    say('cold-time', `${time(total)}: model ${time(download)}${from}; WASM module ${time(runtime)}; kernels ${time(prepare)}`);
  });
  // What was measured on the executor before says nothing about this one.
  executorChanged.on(({ from, to, milliseconds }) => {
    if (now.loaded !== null) describe(now.loaded.classifier);
    if (to === from) return;
    runs = 0;
    say('run-time', '…');
    const took = milliseconds === null ? 'Made ready meanwhile' : `${time(milliseconds)} to change`;
    say('cold-time', `${took}: to ${executorName(to)}, with the model here already`);
    again();
  });
  outcomeChanged.on((outcome) => {
    // A lost device may have been replaced by WASM.
    if (now.loaded !== null) describe(now.loaded.classifier);
    say('decode-time', outcome === null ? '…' : time(outcome.result.times.decode));
    if (outcome === null || outcome.result.executor !== now.loaded?.classifier.executor) return say('run-time', '…');
    runs += 1;
    say('run-time', `${time(outcome.result.times.run)}${runs === 1 ? ', the first' : ''}`);
  });
}

function radios(): HTMLInputElement[] {
  return [...el('executors').querySelectorAll('input')];
}

/** An executor that this browser lacks says so; choosing it says why. */
async function markUnavailable(): Promise<void> {
  const { available } = await webgpuSupport();
  for (const radio of radios()) {
    const lacks = radio.value === 'webgpu' && !available;
    radio.parentElement!.dataset.unavailable = String(lacks);
    say('webgpu-lacks', available ? '' : 'not available');
  }
}

function describe({ executor, adapter, fallback, threadNote, cacheNote }: ImageClassifier): void {
  for (const radio of radios()) radio.checked = radio.value === executor;
  say('adapter', adapter.description);
  el('software').hidden = !adapter.software;
  const why = executor === 'wasm' ? fallback : null;
  sayOrHide('fallback', [why, threadNote, cacheNote].filter((each) => each !== null).join(' '));
}

async function move(executor: ExecutorName, radio: HTMLInputElement): Promise<void> {
  const { loaded } = now;
  if (loaded === null) return;
  await long(async () => {
    try {
      note(executor === 'wasm' ? 'Getting WASM ready' : preparing(await webgpuSupport()));
      const [from, start] = [loaded.classifier.executor, performance.now()];
      await loaded.classifier.switchTo(executor);
      choose(executor);
      executorChanged.tell({ from, to: executor, milliseconds: performance.now() - start });
    } finally {
      note('');
      describe(loaded.classifier);
    }
  }, true);
  // The focus was lost while the switch was disabled.
  if (document.activeElement === document.body) (radios().find((each) => each.checked) ?? radio).focus();
  say('executor-state', `Runs on ${executorName(loaded.classifier.executor)}.`);
}
