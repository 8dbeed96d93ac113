// What the address of the page asks for: ?model=ADDRESS, ?sample=NAME, #draw=STROKES.
import { unpack, type Packed } from './pack.js';

/** The address of a model to start with, or null. */
export function linkedModel(): string | null {
  return new URL(location.href).searchParams.get('model') || null;
}

/** The name of a sample to start with, or null. */
export function linkedSample(): string | null {
  return new URL(location.href).searchParams.get('sample') || null;
}

/** A drawing to start with, or null. Throws what to say of one that is damaged. */
export function linkedDrawing(): Packed | null {
  const text = new URLSearchParams(location.hash.slice(1)).get('draw');
  if (text === null) return null;
  const drawing = unpack(text);
  if (drawing === null) throw new Error('The link to this drawing is damaged, perhaps cut off: ask for the whole link, or draw anew.');
  return drawing;
}

/** The visitor chose another model: the next visit is not to start with the one of the address. */
export function forgetLinked(): void {
  const address = new URL(location.href);
  address.searchParams.delete('model');
  history.replaceState(null, '', address);
}
