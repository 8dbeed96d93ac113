// Loads models: the one this page comes with, and others in its place. A model that fails leaves the one before.
import { el, press, say } from './dom.js';
import { load, webgpuSupport, type DeviceLoss, type ExecutorName, type Progress, type Source } from './intformer/index.js';
import { executorName, size } from './text.js';
import { clearAlert, complain, done, note } from './notices.js';
import { setPhase } from './phase.js';
import { executorChanged, modelChanged, now, type Native } from './state.js';

/** Which executor the next model gets: `auto`, until the visitor chose one here or by `?executor=` in the address. */
let wish: 'auto' | ExecutorName = asked();

function asked(): 'auto' | ExecutorName {
  const value = new URL(location.href).searchParams.get('executor');
  return value === 'webgpu' || value === 'wasm' ? value : 'auto';
}

/** The visitor chose an executor. */
export function choose(executor: ExecutorName): void {
  wish = executor;
}

/** A model that is tried before the one that the page comes with, and what is said if it cannot be had. */
export interface Before {
  source: Source;
  name: string;
  refusal: string;
}

/** Loads the first model. What fails can be tried again. */
export function loadFirst(before: Before | null): Promise<void> {
  return attempt(async () => {
    now.native ??= await native();
    let refusal: Error | null = null;
    if (before !== null) {
      const { source, name } = before;
      try {
        await replace(source, name, false, showProgress);
      } catch (cause) {
        refusal = new Error(`${before.refusal} ${message(cause)} The page's own model is used instead.`, { cause });
      }
      before = null;
      if (refusal === null) return;
    }
    await shipped(showProgress);
    if (refusal !== null) complain(refusal);
  });
}

async function shipped(tell: Teller): Promise<void> {
  now.native ??= await native();
  await replace(address(now.native), now.native.model, true, tell);
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What the button for another try does. */
let retry = (): Promise<void> => loadFirst(null);

/** Loads a model where there is none. */
async function attempt(work: () => Promise<void>): Promise<void> {
  clearAlert();
  setPhase('loading');
  el('retry').hidden = true;
  el<HTMLProgressElement>('progress').removeAttribute('value');
  say('progress-text', 'Loading');
  try {
    await work();
    setPhase('ready');
  } catch (error) {
    failed(error, () => attempt(work));
  }
}

function failed(error: unknown, again: () => Promise<void>): void {
  retry = again;
  setPhase('error');
  say('progress-text', 'The model could not be loaded.');
  el('retry').hidden = false;
  complain(error);
}

/** Loads the model that is there again, because its runtime stopped; if that fails, another try is offered. */
export async function reload(): Promise<void> {
  const { loaded } = now;
  if (loaded === null) return;
  setPhase('busy');
  note('The WASM runtime stopped: loading the model again.');
  try {
    await replace(loaded.source, loaded.name, loaded.shipped, noteProgress);
    done('The WASM runtime stopped, and the model was loaded again.');
    setPhase('ready');
  } catch (error) {
    giveUp(error);
  }
}

/** The model that is there is of no more use: says why and offers another try. */
export function giveUp(error: unknown): void {
  const { loaded } = now;
  now.loaded = null;
  loaded?.classifier.dispose();
  note('');
  failed(error, loaded === null ? () => loadFirst(null) : () => attempt(() => replace(loaded.source, loaded.name, loaded.shipped, showProgress)));
}

/** Loads another model in place of the one that is there. */
export async function loadOther(source: Source, name: string, signal: AbortSignal): Promise<void> {
  await replace(source, name, false, noteProgress, signal);
}

/** Goes back to the model that the page comes with. */
export async function loadShippedAgain(): Promise<void> {
  await shipped(noteProgress);
}

/** Says how far a load is. */
type Teller = (text: string, progress: Progress) => void;

async function replace(
  source: Source,
  name: string,
  shipped: boolean,
  tell: Teller,
  signal?: AbortSignal,
): Promise<void> {
  // Left to itself, the package answers by WASM first.
  let kernels = 'Getting WASM ready';
  if (wish === 'webgpu') {
    kernels = 'Getting WebGPU ready';
    void webgpuSupport().then((support) => (kernels = preparing(support)));
  }
  const digest = now.native?.digest ?? '';
  const classifier = await load(source, {
    kind: 'image-classifier',
    executor: wish,
    ...(signal === undefined ? {} : { signal }),
    ...(shipped && /^[0-9a-f]{64}$/i.test(digest) ? { digest } : {}),
    onProgress: (progress) => tell(progress.stage === 'prepare' ? kernels : bytes(progress), progress),
    onDeviceLost: lost,
    onExecutorChange: ({ from, to, reason }) => {
      if (to !== from) done(`The model runs on ${executorName(to)} now. ${reason}`);
      executorChanged.tell({ from, to, milliseconds: null });
    },
  });
  const before = now.loaded;
  now.loaded = { classifier, source, name, shipped };
  before?.classifier.dispose();
  note('');
  modelChanged.tell(now.loaded);
}

function lost({ message, recovered, executor }: DeviceLoss): void {
  const where = executor === 'wasm' ? 'on WASM' : 'on a fresh device';
  const then = recovered
    ? `The model goes on ${where}.`
    : 'The image could not be named; the next one is tried on a fresh device.';
  done(`The GPU device was lost (${message}). ${then}`);
}

/** What is said while an executor gets ready. */
export function preparing({ available, adapter, software }: { available: boolean; adapter: string | null; software: boolean }): string {
  if (!available) return 'Getting WASM ready';
  const slow = software ? ', a software adapter: this takes some seconds' : '';
  return `Compiling the model's kernels for WebGPU (${adapter ?? 'adapter without a name'}${slow})`;
}

function bytes({ loaded, total, fromCache }: Progress): string {
  const all = total === null ? 'an unknown total' : size(total);
  return `Loading: ${size(loaded)} of ${all}${fromCache ? ', model from cache' : ''}`;
}

function showProgress(text: string, { stage, loaded, total }: Progress): void {
  const bar = el<HTMLProgressElement>('progress');
  if (stage === 'prepare' || total === null) {
    bar.removeAttribute('value');
  } else {
    bar.max = total;
    bar.value = loaded;
  }
  say('progress-text', text);
}

/** Seldom enough that a screen reader can follow. */
let noted = -Infinity;
function noteProgress(text: string, { stage }: Progress): void {
  if (stage !== 'prepare' && performance.now() - noted < 500) return;
  noted = performance.now();
  note(text);
}

async function native(): Promise<Native> {
  const answer = await fetch('native.json').catch((cause: unknown) => {
    throw new Error('The server of this page does not answer: check the connection, then try again.', { cause });
  });
  if (!answer.ok) throw new Error(`Expected the file native.json beside this page, found status ${answer.status}: build the site anew.`);
  return (await answer.json()) as Native;
}

/** Where the model is that the page comes with: packed, where this browser can unpack it. */
function address({ model, packed }: Native): string {
  return typeof DecompressionStream === 'function' ? (packed ?? model) : model;
}

/** Makes the button for another try work. */
export function startRetry(): void {
  press('retry', () => void retry());
}
