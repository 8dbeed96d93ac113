// The page of scenes: a class for each pixel, by a model and by what pruning leaves of it.
import { copy } from '../clipboard.js';
import { el, make, press, say } from '../dom.js';
import { load, type ExecutorName, type ImageSegmenter, type RawImage } from '../intformer/index.js';
import { startOffline, watchVersion } from '../offline.js';
import { percent, time } from '../text.js';
import { Column } from './column.js';
import { fetchNative, type Native } from './native.js';
import { colour } from './paint.js';

const root = document.documentElement;
const overlay = el<HTMLInputElement>('overlay');

/** A picture on show. */
interface Picture {
  name: string;
  image: Blob;
  /** Digests of both models, if they are known. */
  native: string[] | null;
}

let native: Native | null = null;
let columns: Column[] = [];
let executor = chosen();
let shown: { picture: Picture; pixels: RawImage | null } | null = null;
/** Calls of the models, one after the other; of pictures that wait, the latest wins. */
let turn: Promise<unknown> = Promise.resolve();
let wanted = 0;

watchVersion();
press('dismiss', () => complain(null));
press('later', () => (el('update').hidden = true));
press('pick', () => el('file').click());
press('retry', () => void start());
press('measure', () => void measure().catch(complain));
press('copy-command', () => void copy('copy-command', el('command').textContent ?? ''));
el<HTMLInputElement>('file').addEventListener('change', (event) => {
  const input = event.target as HTMLInputElement;
  const file = input.files?.[0];
  input.value = '';
  if (file !== undefined) void show({ name: file.name, image: file, native: null });
});
overlay.addEventListener('change', () => {
  const pixels = shown?.pixels;
  if (pixels) for (const column of columns) column.paint(pixels, overlay.checked);
});
for (const radio of radios()) radio.addEventListener('change', () => void move(radio.value as ExecutorName));

await start();
startOffline();

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

/** Asks what the site has, and loads both models. */
async function start(): Promise<void> {
  complain(null);
  root.dataset.state = 'loading';
  el('loading').hidden = false;
  el('retry').hidden = true;
  try {
    native ??= await fetchNative();
    showSamples(native);
    for (const column of columns) column.of.dispose();
    columns = [];
    for (const one of native.models) {
      say('progress-text', `Loading the ${one.name} model`);
      columns.push(new Column(await opened(one), one));
    }
    el('models').replaceChildren(...columns.map(({ element }) => element));
    showLegend(columns[0]!.of);
    describe();
    el('loading').hidden = true;
    root.dataset.state = 'ready';
    await sample(0);
  } catch (error) {
    complain(error);
    el('loading').hidden = true;
    el('retry').hidden = false;
    root.dataset.state = 'error';
  }
}

function opened({ model, packed, digest }: Native['models'][number]): Promise<ImageSegmenter> {
  const bar = el<HTMLProgressElement>('progress');
  bar.removeAttribute('value');
  return load(typeof DecompressionStream === 'function' ? packed : model, {
    kind: 'image-segmenter',
    executor,
    digest,
    onProgress: ({ loaded, total }) => {
      if (total !== null) bar.value = loaded / total;
    },
    onExecutorChange: describe,
  });
}

function showSamples({ images }: Native): void {
  const buttons = images.map(({ file }, at) => {
    const image = make('img', { src: file, alt: `Scene ${at + 1}`, width: 64, height: 64, draggable: false });
    const button = make('button', { type: 'button', title: `Scene ${at + 1}` }, image);
    button.addEventListener('click', () => void sample(at).catch(complain));
    return button;
  });
  el('samples').replaceChildren(...buttons.map((button) => make('li', {}, button)));
}

function mark(name: string): void {
  [...el('samples').querySelectorAll('button')].forEach((button, at) => {
    button.ariaPressed = String(native?.images[at]?.file === name);
  });
}

function showLegend({ model }: ImageSegmenter): void {
  el('legend').replaceChildren(...model.labels.slice(1).map((label, at) => {
    const square = make('i');
    square.style.background = `rgb(${colour(at + 1).join(' ')})`;
    return make('li', {}, square, label);
  }));
}

/** Shows a sample, the file itself, so that its pixels are those of the native command. */
async function sample(at: number): Promise<void> {
  const { file, digests } = native!.images[at]!;
  const answer = await fetch(file);
  if (!answer.ok) throw new Error(`The sample ${file} cannot be fetched: the server answered ${answer.status}.`);
  await show({ name: file, image: await answer.blob(), native: digests });
}

/** Facts about where the models run. */
function describe(): void {
  const [first] = columns;
  if (first === undefined) return;
  const { executor: runs, adapter } = first.of;
  for (const radio of radios()) radio.checked = radio.value === runs;
  say('adapter', `${adapter.description}${adapter.software && runs === 'webgpu' ? ' (software)' : ''}`);
}

async function move(to: ExecutorName): Promise<void> {
  executor = to;
  try {
    for (const { of } of columns) await of.switchTo(to);
  } catch (error) {
    complain(error);
  }
  describe();
  if (shown !== null) await show(shown.picture);
}

/** Asks both models about a picture. */
function show(picture: Picture): Promise<void> {
  wanted += 1;
  const mine = wanted;
  const work = turn.then(async () => {
    if (mine !== wanted || columns.length === 0) return;
    try {
      await once(picture);
      complain(null);
    } catch (error) {
      complain(error);
    }
  });
  turn = work;
  return work;
}

async function once(picture: Picture): Promise<void> {
  let pixels: RawImage | null = null;
  for (const [at, column] of columns.entries()) {
    const answer = await column.of.segment(picture.image, { keepPixels: true });
    pixels = answer.pixels;
    if (pixels !== null) column.show(answer, pixels, picture.native?.[at] ?? null, overlay.checked);
  }
  shown = { picture, pixels };
  mark(picture.name);
  say('measured', '');
  say('spoken', columns.map((column) => column.words).join('; '));
  const [a, b] = columns.map((column) => column.answer!.mask);
  const same = a!.reduce((sum, index, place) => sum + (index === b![place] ? 1 : 0), 0);
  say('agreement', `Both say the same of ${percent(same / a!.length)} of the pixels.`);
  const name = picture.name.split('/').pop()!;
  say('command', `intformer segment ${native!.models[0]!.model.split('/').pop()!} ${quoted(name)} --executor reference --out masks`);
  el('result').dataset.runs = String(Number(el('result').dataset.runs ?? 0) + 1);
}

/** A name as a shell takes it. */
function quoted(name: string): string {
  return /^[\w.][\w.-]*$/.test(name) ? name : `'./${name.replaceAll("'", `'\\''`)}'`;
}

/** Runs both in turn, so that what else the machine does meets both, and tells the medians. */
async function measure(): Promise<void> {
  const rounds = 15;
  const picture = shown?.picture;
  if (picture === undefined) return;
  const work = turn.then(async () => {
    const times: number[][] = columns.map(() => []);
    for (let round = 0; round < rounds; round += 1) {
      say('measured', `Round ${round + 1} of ${rounds} …`);
      for (const [at, column] of columns.entries()) times[at]!.push((await column.of.segment(picture.image)).times.run);
    }
    const medians = times.map((some) => some.sort((a, b) => a - b)[Math.floor(some.length / 2)]!);
    const [whole, pruned] = medians as [number, number];
    const [of, left] = columns.map(({ of }) => of.model.macs) as [number, number];
    say('measured', `Medians of ${rounds} runs in turn: whole ${time(whole)}, pruned ${time(pruned)}, ${percent(pruned / whole)} of the time for ${percent(left / of)} of the multiply-adds.`);
  });
  turn = work.catch(() => undefined);
  await work;
}
