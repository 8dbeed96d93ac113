import { resolved } from './source.js';
import { openStores } from './store.js';

/** A model in the cache. */
export interface CachedModel {
  /** Where it came from. */
  url: string;
  /** Bytes that are kept. */
  bytes: number;
  /** False for a download that was cut and will be resumed. */
  complete: boolean;
  /** Digest of the model, null if it was never loaded whole. */
  digest: string | null;
  /** When it was stored. */
  stored: Date;
}

/** What this package keeps on the device: models by their address, for this origin alone. */
export interface ModelCache {
  /** Every model that is kept, whole or in part, the latest first. Empty where the browser keeps nothing. */
  list(): Promise<CachedModel[]>;
  /** Bytes of all of them. */
  size(): Promise<number>;
  /** Forgets one; nothing happens if it is not kept. Throws {@link CacheError} while a tab is downloading it. */
  remove(url: string | URL): Promise<void>;
  /** Forgets all of them. */
  clear(): Promise<void>;
}

/** The cache of this origin. */
export const cache: ModelCache = {
  async list() {
    const lists = await Promise.all((await openStores()).map((store) => store.list()));
    return lists
      .flat()
      .sort((a, b) => b.stored - a.stored)
      .map(({ url, bytes, complete, digest, stored }) => ({ url, bytes, complete, digest, stored: new Date(stored) }));
  },
  async size() {
    return (await cache.list()).reduce((sum, model) => sum + model.bytes, 0);
  },
  async remove(url) {
    const address = resolved(url);
    for (const store of await openStores()) await store.remove(address);
  },
  async clear() {
    for (const store of await openStores()) await store.clear();
  },
};
