// What the parts of the page share: the model that is loaded, the phase, and who wants to hear of what.
import { el, say } from './dom.js';
import type { Classification, Classifier, ExecutorName, Image, Source } from './intformer/index.js';

/** `loading`: no model yet; `busy`: works, and something longer is under way; `error`: no model could be loaded. */
export type Phase = 'loading' | 'ready' | 'busy' | 'error';

/** An image on show. */
export interface Shown {
  /** Where it came from. */
  kind: 'sample' | 'file' | 'drawing' | 'camera';
  /** Its name for people and for the command: a file's name. */
  name: string;
  /** What is classified: a canvas is read when its turn comes. */
  image: Extract<Image, ImageBitmapSource>;
  /** The digest that the native command printed for it with the shipped model, if that is known. */
  native: string | null;
}

/** An image with what the model said about it. */
export interface Outcome {
  shown: Shown;
  result: Classification;
  executor: ExecutorName;
}

/** The digests that the native command printed, as the build noted them. */
export interface Native {
  command: string;
  model: string;
  /** The same model packed by gzip; a site may come without. */
  packed?: string;
  digest: string;
  images: { file: string; label: string; digest: string }[];
  /** The pixels of the first image, its red, green, blue and alpha in base64; a site may come without. */
  first?: { file: string; width: number; height: number; rgba: string };
}

/** A model that is loaded, and from where. */
export interface Loaded {
  classifier: Classifier;
  source: Source;
  /** Name for people and for the command. */
  name: string;
  /** Whether it is the one this page comes with. */
  shipped: boolean;
}

/** Something the parts of the page tell each other. */
export class Signal<T> {
  readonly #listeners: ((value: T) => void)[] = [];

  /** Calls back from now on. */
  on(listener: (value: T) => void): void {
    this.#listeners.push(listener);
  }

  /** Tells everyone. */
  tell(value: T): void {
    for (const listener of this.#listeners) listener(value);
  }
}

/** What is true now. */
export const now: { loaded: Loaded | null; native: Native | null; outcome: Outcome | null } = {
  loaded: null,
  native: null,
  outcome: null,
};

/** Another model, or the same on another executor. */
export const modelChanged = new Signal<Loaded>();

/** A result came; null: what was on show is gone. */
export const outcomeChanged = new Signal<Outcome | null>();

/** Buttons that start something long: one at a time. */
const LONG = ['executors', 'compare', 'pick-model', 'shipped', 'model-load', 'clear-cache', 'retry'];

let phase: Phase = 'loading';
let running = false;

/** Sets the phase, for the style sheet and for tests. */
export function setPhase(next: Phase): void {
  phase = next;
  write();
  for (const id of LONG) {
    const needsModel = id === 'executors' || id === 'compare';
    const target = el<HTMLButtonElement | HTMLFieldSetElement>(id);
    target.disabled = phase === 'busy' || phase === 'loading' || (needsModel && phase === 'error');
  }
}

/** Says whether an image is being classified: busy for the eye, but nothing has to wait for it. */
export function setRunning(value: boolean): void {
  running = value;
  write();
}

function write(): void {
  document.documentElement.dataset.state = phase === 'ready' && running ? 'busy' : phase;
}

/** Does something long that nothing else long may cross; what goes wrong is shown. The focus stays where it was. */
export async function long(work: () => Promise<void>): Promise<void> {
  const focus = document.activeElement;
  clearAlert();
  say('note', '');
  setPhase(now.loaded === null ? 'loading' : 'busy');
  try {
    await work();
  } catch (error) {
    complain(error);
  } finally {
    setPhase(now.loaded === null ? 'error' : 'ready');
    if (focus instanceof HTMLElement && document.activeElement === document.body) focus.focus({ preventScroll: true });
  }
}

/** Shows an error: the errors of the package are sentences for people. What was aborted on purpose is none. */
export function complain(error: unknown): void {
  if (error instanceof DOMException && error.name === 'AbortError') return;
  say('alert', error instanceof Error ? error.message : String(error));
}

/** The visitor went on: what went wrong before is of no interest any more. */
export function clearAlert(): void {
  say('alert', '');
}
