// Where models are kept: one interface, two back ends.
import { CacheStore } from './store-cache.js';
import { OpfsStore } from './store-opfs.js';
import type { Head } from './download.js';

/** What is known of a kept file. */
export interface Entry extends Head {
  url: string;
  /** Bytes that are kept. */
  bytes: number;
  /** Whether that is the whole file. */
  complete: boolean;
  /** Digest of the model, once it was read without complaint. */
  digest: string | null;
  /** When the download began or ended, in milliseconds since 1970. */
  stored: number;
}

/** Writes one file as it comes. */
export interface Writer {
  /** The server has answered: the body that follows begins at `offset`; at 0 what was kept is dropped. */
  begin(head: Head, offset: number): Promise<void>;
  /** A piece of the body. */
  add(piece: Uint8Array, offset: number): Promise<void>;
  /** All of it is here. */
  finish(bytes: Uint8Array<ArrayBuffer>, head: Head): Promise<void>;
  /** Lets go of the file; what was added stays. */
  close(): Promise<void>;
}

/** A place for files, by their address. */
export interface Store {
  list(): Promise<Entry[]>;
  /** What is kept of a file, whole or in part; null if nothing is. */
  read(url: string): Promise<{ entry: Entry; bytes: Uint8Array<ArrayBuffer> } | null>;
  write(url: string): Promise<Writer>;
  /** Notes the digest of a whole file. */
  seal(url: string, digest: string): Promise<void>;
  remove(url: string): Promise<void>;
  /** Removes all, with what no list shows. */
  clear(): Promise<void>;
}

/** The places this browser offers here, the better one first; none in some private windows. */
export async function openStores(): Promise<Store[]> {
  const opened = await Promise.allSettled([OpfsStore.open(), CacheStore.open()]);
  return opened.flatMap((each) => (each.status === 'fulfilled' && each.value !== null ? [each.value] : []));
}

/** SHA-256 of an address in hexadecimal: a name that every file system takes. */
export async function fileName(url: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(url));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const PATIENCE = 3000;

/**
 * Calls `work` while no other tab works on the same address. One that keeps it for longer than some seconds is not
 * waited for: `work` is then told so and leaves the store alone.
 */
export async function alone<T>(
  url: string,
  signal: AbortSignal | undefined,
  work: (alone: boolean) => Promise<T>,
  patience = PATIENCE,
): Promise<T> {
  const locks = (globalThis.navigator as Navigator | undefined)?.locks;
  if (locks === undefined) return work(true);
  const wait = new AbortController();
  const abort = (): void => wait.abort(signal?.reason);
  signal?.throwIfAborted();
  signal?.addEventListener('abort', abort, { once: true });
  const timer = setTimeout(() => wait.abort(), patience);
  let entered = false;
  try {
    return await locks.request(`intformer ${url}`, { signal: wait.signal }, () => {
      entered = true;
      clearTimeout(timer);
      return work(true);
    });
  } catch (error) {
    signal?.throwIfAborted();
    if (entered || !wait.signal.aborted) throw error;
    return work(false);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}
