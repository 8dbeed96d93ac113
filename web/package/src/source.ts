// The bytes of a model, from wherever it is, with the cache in between.
import { download, inquire, LIMIT, sameFile, type Head } from './download.js';
import { ModelFileError, NetworkError } from './errors.js';
import { host } from './host.js';
import { alone, openStores, type Entry, type Store, type Writer } from './store.js';
import type { Part } from './progress.js';
import type { Source } from './types.js';

/** A source that can be sent to a worker: an absolute address, a file, or bytes. */
export type PlainSource = string | Blob | Uint8Array;

/** Bytes of a model, and what became of the cache. */
export interface Obtained {
  bytes: Uint8Array;
  fromCache: boolean;
  /** Whether a part of it is from an earlier try, so that it may be of two versions of a file. */
  resumed: boolean;
  /** What the caller should know of the cache; sealing may add to it. */
  note: string | null;
  /** Notes in the cache that the model was read without complaint; a copy that it replaces goes only now. */
  seal(digest: string): Promise<void>;
  /** Takes it out of the cache; a copy that it would have replaced stays. */
  forget(): Promise<void>;
}

/** How to get a model. */
export interface Wish {
  source: PlainSource;
  cache: boolean;
  refresh: boolean;
  signal: AbortSignal;
  part: Part;
}

/** An absolute address, without its fragment. */
export function resolved(url: string | URL): string {
  try {
    const absolute = new URL(host.address(url));
    absolute.hash = '';
    return absolute.href;
  } catch (cause) {
    throw new TypeError(`Expected the address of a model, found "${String(url)}".`, { cause });
  }
}

/** The source as something that a worker can be sent; bytes are copied. */
export function plainSource(source: Source): PlainSource {
  if (typeof source === 'string' || source instanceof URL) return resolved(source);
  if (source instanceof Blob) return source;
  if (source instanceof Uint8Array) return new Uint8Array(source);
  if (Object.prototype.toString.call(source) === '[object ArrayBuffer]') return new Uint8Array(source.slice(0));
  throw new TypeError(`Expected an address, a Blob, an ArrayBuffer or a Uint8Array, found ${typeof source}.`);
}

/** Gets the bytes. `anew` leaves the cached copy aside. */
export async function obtain(wish: Wish, anew: boolean): Promise<Obtained> {
  const { source, signal } = wish;
  if (typeof source !== 'string') return local(source, wish);
  const keepable = host.keeps && wish.cache && /^https?:/.test(source);
  const store = keepable ? await firstStore() : null;
  signal.throwIfAborted();
  if (store === null) {
    const note = keepable ? keepsNone() : null;
    return fetched(wish, null, note, false);
  }
  const hit = anew ? 'changed' : await fromStore(store, wish);
  if (hit !== null && hit !== 'changed') return hit;
  return alone(source, signal, async (free) => {
    if (!free) return fetched(wish, null, 'Another tab is storing the same model: this one did not cache it.', true);
    // While this tab waited, another one may have finished.
    const late = hit === 'changed' ? null : await fromStore(store, { ...wish, refresh: false });
    if (late !== null && late !== 'changed') return late;
    try {
      return await fetched(wish, store, null, true);
    } catch (error) {
      // The caller asked for what is newer, and an older one is better than none; one that was refused is not.
      if (anew || hit !== 'changed' || !(error instanceof NetworkError)) throw error;
      return older(store, wish, error);
    }
  });
}

/** The cached copy, because the one that the server has instead could not be had. */
async function older(store: Store, wish: Wish, error: NetworkError): Promise<Obtained> {
  const copy = await fromStore(store, { ...wish, refresh: false });
  if (copy === null || copy === 'changed') throw error;
  const note = `The server has another model by now, and it could not be downloaded: the cached one is used. (${error.message})`;
  return { ...copy, note };
}

async function local(source: Blob | Uint8Array, wish: Wish): Promise<Obtained> {
  const size = source instanceof Blob ? source.size : source.length;
  if (size > LIMIT) throw new ModelFileError(`Expected a model of at most 1 GiB, found ${size} bytes.`);
  wish.part.expect(size);
  let bytes: Uint8Array;
  try {
    bytes = source instanceof Blob ? new Uint8Array(await source.arrayBuffer()) : source;
  } catch (cause) {
    const message = 'The model file cannot be read: it was moved, changed or deleted since it was picked. Pick it again.';
    throw new ModelFileError(message, { cause });
  }
  wish.signal.throwIfAborted();
  wish.part.done(bytes.length);
  return { bytes, fromCache: false, resumed: false, note: null, seal: nothing, forget: nothing };
}

/** The cached copy; null if there is none, `changed` if the server has another file by now. */
async function fromStore(store: Store, wish: Wish): Promise<Obtained | 'changed' | null> {
  const url = wish.source as string;
  const kept = await store.read(url).catch(() => null);
  wish.signal.throwIfAborted();
  if (kept === null || !kept.entry.complete) return null;
  let note: string | null = null;
  if (wish.refresh) {
    const now = await inquire(url, wish.signal);
    if (now === null) note = 'The server could not be asked for a newer model: the cached one is used.';
    else if (!unchanged(kept.entry, now)) return 'changed';
  }
  wish.part.expect(kept.bytes.length, true);
  wish.part.at(0, true);
  wish.part.done(kept.bytes.length);
  return {
    bytes: kept.bytes, fromCache: true, resumed: false, note, ...keeping(store, url),
  };
}

/** Whether the server still has the file that is kept: a name for its version must say so. */
function unchanged(kept: Entry, now: Head): boolean {
  const named = (kept.etag !== null && now.etag !== null) || (kept.lastModified !== null && now.lastModified !== null);
  return named && sameFile(kept, now);
}

async function fetched(wish: Wish, store: Store | null, note: string | null, stored: boolean): Promise<Obtained> {
  const url = wish.source as string;
  const kept = store === null ? null : await store.read(url).catch(() => null);
  wish.signal.throwIfAborted();
  // A whole copy stays as it is until its successor is here and was read without complaint.
  const replaces = store !== null && kept !== null && kept.entry.complete;
  const writer = new Careful(replaces ? null : store, url);
  try {
    const { bytes, head, resumed } = await download({
      url,
      signal: wish.signal,
      kept: kept === null || kept.entry.complete ? undefined : { bytes: kept.bytes, head: kept.entry },
      httpCache: stored ? 'no-store' : 'default',
      onHead: async (head, offset) => {
        wish.part.expect(head.total);
        wish.part.at(offset, true);
        await writer.use((open) => open.begin(head, offset));
      },
      onBytes: async (piece, offset) => {
        wish.part.at(offset + piece.length);
        await writer.use((open) => open.add(piece, offset));
      },
    });
    await writer.use((open) => open.finish(bytes, head));
    wish.part.done(bytes.length);
    if (replaces) return successor(store, wish, bytes, head);
    const keeper = store === null || writer.note !== null ? { seal: nothing, forget: nothing } : keeping(store, url);
    return { bytes, fromCache: false, resumed, note: note ?? writer.note, ...keeper };
  } catch (error) {
    // A path of Node: no network is to blame.
    if (!url.startsWith('file:') || !(error instanceof NetworkError)) throw error;
    throw new ModelFileError(`${url}: ${error.status === 404 ? 'no such file' : 'the file cannot be read'}.`, { cause: error });
  } finally {
    await writer.close();
  }
}

/** Bytes that take the place of a whole copy once they are sealed. */
function successor(store: Store, wish: Wish, bytes: Uint8Array<ArrayBuffer>, head: Head): Obtained {
  const url = wish.source as string;
  const obtained: Obtained = {
    bytes, fromCache: false, resumed: false, note: null, forget: nothing,
    seal: (digest) =>
      alone(url, wish.signal, async (free) => {
        if (!free) return;
        const writer = new Careful(store, url);
        await writer.use((open) => open.begin(head, 0));
        await writer.use((open) => open.add(bytes, 0));
        await writer.use((open) => open.finish(bytes, head));
        await writer.close();
        obtained.note = writer.note;
        if (writer.note === null) await keeping(store, url).seal(digest);
      }),
  };
  return obtained;
}

function keeping(store: Store, url: string): Pick<Obtained, 'seal' | 'forget'> {
  return {
    seal: (digest) => store.seal(url, digest).catch(nothing),
    forget: () => store.remove(url).catch(nothing),
  };
}

/** A writer whose failures end the caching and not the load. */
class Careful {
  readonly #store: Store | null;
  readonly #url: string;
  #writer: Writer | null = null;
  note: string | null = null;

  constructor(store: Store | null, url: string) {
    this.#store = store;
    this.#url = url;
  }

  async use(step: (writer: Writer) => Promise<void>): Promise<void> {
    if (this.#store === null || this.note !== null) return;
    try {
      this.#writer ??= await this.#store.write(this.#url);
      await step(this.#writer);
    } catch (error) {
      await this.#giveUp(error);
    }
  }

  async close(): Promise<void> {
    const writer = this.#writer;
    this.#writer = null;
    await writer?.close().catch(nothing);
  }

  async #giveUp(error: unknown): Promise<void> {
    const { name, message } = error as Error;
    const full = name === 'QuotaExceededError';
    this.note = full
      ? 'The browser has no room left for this origin: the model was not cached.'
      : `The model was not cached: ${message}`;
    await this.close();
    if (full) await this.#store?.remove(this.#url).catch(nothing);
  }
}

const keepsNone = (): string =>
  globalThis.isSecureContext === false
    ? 'This page came over http, and browsers keep files for https pages alone: the model was not cached.'
    : 'This browser keeps no files here, as in some private windows: the model was not cached.';

async function firstStore(): Promise<Store | null> {
  return (await openStores())[0] ?? null;
}

async function nothing(): Promise<void> {}
