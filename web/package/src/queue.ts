import { untilAborted } from './abort.js';

/** Runs jobs one at a time in the order they came: a session of the WASM module takes one call at a time. */
export class Queue {
  #tail: Promise<unknown> = Promise.resolve();
  #closed: (() => Error) | null = null;
  #closing = new AbortController();

  /**
   * Adds a job. A signal that aborts before its turn takes it out of the queue; one that aborts during the job ends
   * the wait at once, and the next job begins when this one has ended.
   */
  add<T>(job: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#closed !== null) return Promise.reject(this.#closed());
    if (signal?.aborted) return Promise.reject(signal.reason);
    const turn = this.#tail.then(() => {
      if (this.#closed !== null) throw this.#closed();
      signal?.throwIfAborted();
      return job();
    });
    this.#tail = turn.catch(() => undefined);
    return untilAborted(untilAborted(turn, signal), this.#closing.signal);
  }

  /**
   * Rejects all that waits and all that comes with `error`. The promise settles when the job in progress has ended;
   * null if the queue was closed before.
   */
  close(error: () => Error): Promise<void> | null {
    if (this.#closed !== null) return null;
    this.#closed = error;
    this.#closing.abort(error());
    return this.#tail.then(() => undefined);
  }
}
