// What the parts of the page share: the model that is loaded, the answer on show, and who wants to hear of what.
import type { Classification, ImageClassifier, ExecutorName, Image, Source } from './intformer/index.js';

/** An image on show. */
export interface Shown {
  /** Where it came from. */
  kind: 'sample' | 'file' | 'drawing' | 'camera';
  /** Its name for people and for the command: a file's name. */
  name: string;
  /** What is classified: a canvas is read when its turn comes. */
  image: Image;
  /** The digest that the native command printed for it with the shipped model, if that is known. */
  native: string | null;
}

/** An image with what the model said about it. */
export interface Outcome {
  shown: Shown;
  result: Classification;
}

/** The digests that the native command printed, as the build noted them. */
export interface Native {
  command: string;
  model: string;
  /** The same model packed by gzip; a site may come without. */
  packed?: string;
  digest: string;
  images: { file: string; label: string; digest: string }[];
  /** The image that a visit starts with, its red, green, blue and alpha in base64; a site may come without. */
  first?: { file: string; width: number; height: number; rgba: string };
}

/** A model that is loaded, and from where. */
export interface Loaded {
  classifier: ImageClassifier;
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

/** Another model. */
export const modelChanged = new Signal<Loaded>();

/** What ran the model, what runs it now, and how many milliseconds the change took where that is known. */
export interface Move {
  from: ExecutorName;
  to: ExecutorName;
  milliseconds: number | null;
}

/** The same model on another executor, or on the same for another reason. */
export const executorChanged = new Signal<Move>();

/** A result came; null: what was on show is gone. */
export const outcomeChanged = new Signal<Outcome | null>();
