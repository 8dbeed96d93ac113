// The size of a PNG or JPEG from its first bytes, before anything is decoded.
import { isJpeg, isPng } from './kinds.js';

/** Columns and rows. */
export interface Size {
  width: number;
  height: number;
}

/** Whether the decoder's module takes a file that begins so: PNG and JPEG. */
export function isOurs(bytes: Uint8Array): boolean {
  return isPng(bytes) || isJpeg(bytes);
}

/** The size that the header names; null if it names none that can be read, and the decoder says why. */
export function sizeOf(bytes: Uint8Array): Size | null {
  if (isPng(bytes)) return pngSize(bytes);
  return isJpeg(bytes) ? jpegSize(bytes) : null;
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** IHDR comes first: eight bytes of signature, length, name, then width and height. */
function pngSize(bytes: Uint8Array): Size | null {
  if (bytes.length < 24) return null;
  return { width: view(bytes).getUint32(16), height: view(bytes).getUint32(20) };
}

/** Segments follow each other by their lengths up to a start of frame: length, bits, then height and width. */
function jpegSize(bytes: Uint8Array): Size | null {
  const data = view(bytes);
  let at = 2;
  while (at + 9 <= bytes.length) {
    if (bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1]!;
    // Any number of 0xff may come before a marker; some markers stand alone.
    if (marker === 0xff) at += 1;
    else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) at += 2;
    else if (isFrame(marker)) return { height: data.getUint16(at + 5), width: data.getUint16(at + 7) };
    else at += 2 + data.getUint16(at + 2);
  }
  return null;
}

/** SOF0 to SOF15; among them are DHT (c4), JPG (c8) and DAC (cc), which are none. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}
