import type { Progress } from './types.js';

const INTERVAL = 1000 / 30;

/** A part of a load: how many bytes are here, of how many. */
export interface Part {
  /** Says how many bytes will come (null: the server hides it) and whether they are from the cache. */
  expect(total: number | null, fromCache?: boolean): void;
  /** Says how many bytes are here; `restart` allows fewer than before. */
  at(loaded: number, restart?: boolean): void;
  /** Says that all is here, however many bytes that was. */
  done(bytes: number): void;
}

/** Adds up the WASM module and the model and reports both as one. */
export class Meter {
  #parts: { loaded: number; total: number | null | undefined; done: boolean; fromCache: boolean }[] = [];
  #report: ((progress: Progress) => void) | undefined;
  #now: () => number;
  #last = -Infinity;
  #open = false;
  #stage: Progress['stage'] = 'runtime';
  #begin!: () => void;
  /** Settles when every total is known and the first event is out: bodies are read after that. */
  readonly begun: Promise<void> = new Promise((resolve) => (this.#begin = resolve));
  readonly runtime: Part = this.#part();
  readonly model: Part = this.#part();

  constructor(report: ((progress: Progress) => void) | undefined, now: () => number = () => performance.now()) {
    this.#report = report;
    this.#now = now;
  }

  /** Everything is here; kernels are compiled now. */
  prepare(): void {
    this.#stage = 'prepare';
    this.#emit(true);
  }

  #part(): Part {
    const part = { loaded: 0, total: undefined as number | null | undefined, done: false, fromCache: false };
    this.#parts.push(part);
    return {
      expect: (total, fromCache = false) => {
        const changed = part.total !== total || part.fromCache !== fromCache;
        part.total = total;
        part.fromCache = fromCache;
        if (this.#open && changed) this.#emit(true);
        else this.#start();
      },
      at: (loaded, restart = false) => {
        const back = restart && loaded < part.loaded;
        part.loaded = restart ? loaded : Math.max(part.loaded, loaded);
        this.#emit(back);
      },
      done: (bytes) => {
        part.loaded = bytes;
        part.total = bytes;
        part.done = true;
        this.#emit(this.#parts.every((each) => each.done));
      },
    };
  }

  #start(): void {
    if (this.#open || this.#parts.some((part) => part.total === undefined)) return;
    this.#open = true;
    this.#emit(true);
    this.#begin();
  }

  #emit(always: boolean): void {
    if (!this.#open || this.#report === undefined) return;
    const now = this.#now();
    if (!always && now - this.#last < INTERVAL) return;
    this.#last = now;
    if (this.#stage === 'runtime' && this.#parts[0]!.done) this.#stage = 'model';
    const known = this.#parts.every((part) => typeof part.total === 'number');
    this.#report({
      stage: this.#stage,
      loaded: this.#parts.reduce((sum, part) => sum + part.loaded, 0),
      total: known ? this.#parts.reduce((sum, part) => sum + (part.total ?? 0), 0) : null,
      fromCache: this.#parts[1]!.fromCache,
    });
  }
}
