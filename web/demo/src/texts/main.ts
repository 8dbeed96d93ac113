// The page of texts: a sentence to its class, or to the nearest of some lines.
import { copy } from '../clipboard.js';
import { el, make, press, say } from '../dom.js';
import { load, type ExecutorName, type Source, type TextClassifier, type TextEmbedder } from '../intformer/index.js';
import { startOffline, watchVersion } from '../offline.js';
import { count, size, time } from '../text.js';
import { classRow, showDigests, showRows } from './answer.js';
import { command } from './command.js';
import { Lines } from './nearest.js';
import { fetchNative, type Native } from './native.js';

const root = document.documentElement;
const text = el<HTMLTextAreaElement>('text');
const lines = el<HTMLTextAreaElement>('lines');
const compared = new Lines();

/** The model on show. */
interface Loaded {
  of: TextClassifier | TextEmbedder;
  /** The name of its file. */
  name: string;
  shipped: boolean;
}

let loaded: Loaded | null = null;
let native: Native | null = null;
/** What the visitor chose, or the address. */
let executor = chosen();
/** Of models that are opened while one is loading, the latest wins. */
let opening = new AbortController();
/** Of what is asked while a run is under way, the latest wins. */
let wanted = 0;
let running = false;

watchVersion();
press('dismiss', () => complain(null));
press('pick-model', () => el('model-file').click());
press('shipped', () => void openShipped());
press('copy-command', () => void copy('copy-command', el('command').textContent ?? ''));
el<HTMLInputElement>('model-file').addEventListener('change', (event) => {
  const input = event.target as HTMLInputElement;
  const file = input.files?.[0];
  input.value = '';
  if (file !== undefined) void open(file, file.name, false);
});
for (const area of [text, lines]) {
  area.addEventListener('input', () => {
    complain(null);
    void run();
  });
}
press('later', () => (el('update').hidden = true));
for (const radio of radios()) radio.addEventListener('change', () => void move(radio.value as ExecutorName));

await start();
startOffline();

/** Asks what the site has, and loads its model. */
async function start(): Promise<void> {
  try {
    native = await fetchNative();
  } catch (error) {
    failed(error);
    return;
  }
  showSamples(native);
  if (lines.value === '') lines.value = native.texts.map((sample) => sample.text).join('\n');
  if (text.value === '') text.value = native.texts[0]?.text ?? '';
  await openShipped();
}

/** Nothing could be loaded: there is another try. */
function failed(error: unknown): void {
  complain(error);
  el('loading').hidden = true;
  if (loaded !== null) return;
  root.dataset.state = 'error';
  say('shipped', 'Try again');
  el('shipped').hidden = false;
}

function chosen(): ExecutorName | 'auto' {
  const asked = new URLSearchParams(location.search).get('executor');
  return asked === 'webgpu' || asked === 'wasm' ? asked : 'auto';
}

function radios(): HTMLInputElement[] {
  return [...el('executors').querySelectorAll('input')];
}

function complain(error: unknown): void {
  say('alert', error === null ? '' : error instanceof Error ? error.message : String(error));
}

function showSamples({ texts }: Native): void {
  el('samples').replaceChildren(...texts.slice(0, 6).map((sample) => {
    const button = make('button', { type: 'button' }, sample.text);
    button.addEventListener('click', () => {
      text.value = sample.text;
      void run();
    });
    return make('li', {}, button);
  }));
}

async function openShipped(): Promise<void> {
  if (native === null) return start();
  const packed = typeof DecompressionStream === 'function';
  await open(packed ? native.packed : native.model, native.model.split('/').pop()!, true);
}

/** Loads a model; if that fails, what was there stays. */
async function open(source: Source, name: string, shipped: boolean): Promise<void> {
  opening.abort();
  opening = new AbortController();
  const { signal } = opening;
  complain(null);
  root.dataset.state = 'loading';
  el('loading').hidden = false;
  say('progress-text', `Loading ${name}`);
  const bar = el<HTMLProgressElement>('progress');
  bar.removeAttribute('value');
  try {
    const model = await load(source, {
      executor,
      signal,
      ...(shipped && native !== null ? { digest: native.digest } : {}),
      onProgress: ({ loaded: here, total }) => {
        if (total !== null && !signal.aborted) bar.value = here / total;
      },
      onExecutorChange: describe,
    });
    if (signal.aborted) return model.dispose();
    if (model.kind !== 'text-classifier' && model.kind !== 'text-embedder') {
      model.dispose();
      throw new Error(`${name} takes pictures: open it on the page of pictures.`);
    }
    loaded?.of.dispose();
    loaded = { of: model, name: name.replace(/\.gz$/, ''), shipped };
    compared.clear();
    describe();
    el('loading').hidden = true;
    root.dataset.state = 'ready';
    await run();
  } catch (error) {
    if (signal.aborted) return;
    failed(error);
    if (loaded !== null) root.dataset.state = 'ready';
  }
}

/** Facts about the model and where it runs. */
function describe(): void {
  if (loaded === null) return;
  const { of, name, shipped } = loaded;
  const { model, executor, adapter, times } = of;
  const embeds = of.kind === 'text-embedder';
  for (const radio of radios()) radio.checked = radio.value === executor;
  say('adapter', `${adapter.description}${adapter.software && executor === 'webgpu' ? ' (software)' : ''}`);
  say('cold-time', `${time(times.total)}: model ${time(times.download)}${times.fromCache ? ', from cache' : ''}; WASM module ${time(times.runtime)}`);
  say('inputs-title', shipped ? 'Ask it something' : 'Show it something');
  el('compared').hidden = !embeds;
  say('shipped', 'Back to the shipped model');
  el('shipped').hidden = shipped;
  el('save').hidden = !shipped;
  el<HTMLAnchorElement>('save-model').href = native?.model ?? '';
  const facts: [string, string][] = [
    ['File', name],
    ['Architecture', model.architecture],
    ['Gives', embeds ? `a vector of ${model.outputs}` : `${model.classes} classes`],
    ['Tokens at most', String(model.tokens ?? 'no tokenizer')],
    ['Parameters', count(model.parameters)],
    ['Weights', size(model.weightBytes)],
  ];
  el('model-info').replaceChildren(...facts.map(([term, fact]) => make('div', {}, make('dt', {}, term), make('dd', {}, fact))));
}

async function move(to: ExecutorName): Promise<void> {
  executor = to;
  if (loaded === null) return;
  try {
    await loaded.of.switchTo(to);
  } catch (error) {
    complain(error);
  }
  describe();
  await run();
}

/** Asks the model; while it runs, only the latest of what is typed waits. */
async function run(): Promise<void> {
  wanted += 1;
  if (running) return;
  running = true;
  for (let done = 0; done !== wanted && loaded !== null; ) {
    done = wanted;
    const model: Loaded = loaded;
    try {
      await once(model);
    } catch (error) {
      // Of a model that was left meanwhile nobody wants to hear.
      if (model !== loaded) continue;
      showRows([]);
      showDigests(null, null);
      complain(error);
    }
  }
  running = false;
}

async function once(model: Loaded): Promise<void> {
  const { of, name, shipped } = model;
  const asked = text.value.trim();
  say('command', command(name, asked, of.kind === 'text-embedder'));
  if (asked === '') {
    showRows([]);
    showDigests(null, null);
    return say('tokens', 'Nothing is written yet.');
  }
  const began = performance.now();
  let answer: { digest: string; tokens: number; cut: number };
  if (of.kind === 'text-embedder') {
    const all = lines.value.split('\n').map((line) => line.trim()).filter((line) => line !== '');
    const { embedded, near } = await compared.nearest(of, asked, all);
    if (model !== loaded) return;
    showRows(near.map(({ line, cosine }) => ({ label: line, share: cosine, value: cosine.toFixed(3) })));
    answer = embedded;
  } else {
    const said = await of.classify(asked, { top: 5 });
    if (model !== loaded) return;
    showRows(said.classes.map(({ label, index, probability }) => classRow(label ?? `class ${index}`, probability)));
    answer = said;
  }
  const cut = answer.cut === 0 ? '' : `; ${answer.cut} more are not seen`;
  say('tokens', `${answer.tokens} tokens${cut}`);
  say('run-time', time(performance.now() - began));
  const known = shipped ? native?.texts.find((sample) => sample.text === asked) : undefined;
  showDigests(answer.digest, known?.digest ?? null);
  el('result').dataset.runs = String(Number(el('result').dataset.runs ?? 0) + 1);
}
