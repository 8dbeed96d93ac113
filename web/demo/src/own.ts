// The visitor's own model from one visit to the next: a file with its name, or the address of one.
import { Signal } from './state.js';

/** A model that was opened before. */
export interface Own {
  source: File | string;
  name: string;
}

/** Another one is kept, or none. */
export const ownChanged = new Signal<void>();

/** Of this page alone: another copy of it may live on the same origin. */
const base = new URL('./', location.href).href;
const CACHE = `intformer-own-model ${base}`;
const KEY = new URL('own-model', base).href;

/** Keeps a model in place of the one before. Throws where the browser keeps nothing, or has no room. */
export async function keepOwn({ source, name }: Own): Promise<void> {
  if (!('caches' in globalThis)) throw new Error('The browser keeps no files for a page without https.');
  const headers = { 'X-Name': encodeURIComponent(name), 'X-Kind': typeof source === 'string' ? 'address' : 'file' };
  await (await caches.open(CACHE)).put(KEY, new Response(source, { headers }));
  ownChanged.tell();
}

/** The model that was kept, or null. */
export async function ownModel(): Promise<Own | null> {
  if (!('caches' in globalThis)) return null;
  const answer = await caches.match(KEY, { cacheName: CACHE });
  if (answer === undefined) return null;
  const name = decodeURIComponent(answer.headers.get('X-Name') ?? '');
  if (answer.headers.get('X-Kind') === 'address') return { source: await answer.text(), name };
  return { source: new File([await answer.blob()], name), name };
}

/** Forgets it. */
export async function forgetOwn(): Promise<void> {
  if ('caches' in globalThis) await caches.delete(CACHE);
  ownChanged.tell();
}
