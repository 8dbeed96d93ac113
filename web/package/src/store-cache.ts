import type { Head } from './download.js';
import type { Entry, Store, Writer } from './store.js';

const NAME = 'intformer';
const HEADER = 'x-intformer';

/** Whole files in the Cache API, for browsers without an origin private file system. Parts are not kept. */
export class CacheStore implements Store {
  readonly #cache: Cache;

  constructor(cache: Cache) {
    this.#cache = cache;
  }

  /** The store, or null where the browser has none. */
  static async open(): Promise<CacheStore | null> {
    const caches = (globalThis as { caches?: CacheStorage }).caches;
    return caches === undefined ? null : new CacheStore(await caches.open(NAME));
  }

  async list(): Promise<Entry[]> {
    const found: Entry[] = [];
    for (const request of await this.#cache.keys()) {
      const response = await this.#cache.match(request);
      const entry = response === undefined ? null : entryOf(response);
      if (entry !== null) found.push(entry);
    }
    return found;
  }

  async read(url: string): Promise<{ entry: Entry; bytes: Uint8Array<ArrayBuffer> } | null> {
    const response = await this.#cache.match(url);
    const entry = response === undefined ? null : entryOf(response);
    if (response === undefined || entry === null) return null;
    const bytes = new Uint8Array(await response.arrayBuffer());
    return { entry: { ...entry, bytes: bytes.length, complete: bytes.length === entry.total }, bytes };
  }

  async write(url: string): Promise<Writer> {
    return {
      begin: async () => undefined,
      add: async () => undefined,
      finish: (bytes, head) => this.#put(url, bytes, head, null),
      close: async () => undefined,
    };
  }

  async seal(url: string, digest: string): Promise<void> {
    const kept = await this.read(url);
    if (kept !== null && kept.entry.digest !== digest) await this.#put(url, kept.bytes, kept.entry, digest);
  }

  async remove(url: string): Promise<void> {
    await this.#cache.delete(url);
  }

  async clear(): Promise<void> {
    for (const request of await this.#cache.keys()) await this.#cache.delete(request);
  }

  async #put(url: string, bytes: Uint8Array<ArrayBuffer>, head: Head, digest: string | null): Promise<void> {
    const { etag, lastModified } = head;
    const entry: Entry = {
      url, etag, lastModified, total: bytes.length, bytes: bytes.length, complete: true, digest, stored: Date.now(),
    };
    await this.#cache.put(url, new Response(bytes, { headers: { [HEADER]: encodeURIComponent(JSON.stringify(entry)) } }));
  }
}

function entryOf(response: Response): Entry | null {
  try {
    const entry = JSON.parse(decodeURIComponent(response.headers.get(HEADER) ?? 'null')) as Entry | null;
    return typeof entry?.url === 'string' ? entry : null;
  } catch {
    return null;
  }
}
