// What a file is, told from its first bytes.

const ascii = (bytes: Uint8Array, from: number, to: number): string => String.fromCharCode(...bytes.subarray(from, to));
const begins = (bytes: Uint8Array, ...head: number[]): boolean => head.every((byte, at) => bytes[at] === byte);

export const isPng = (bytes: Uint8Array): boolean => begins(bytes, 0x89, 0x50, 0x4e, 0x47);
export const isJpeg = (bytes: Uint8Array): boolean => begins(bytes, 0xff, 0xd8, 0xff);
const isGif = (bytes: Uint8Array): boolean => ascii(bytes, 0, 4) === 'GIF8';
const isWebp = (bytes: Uint8Array): boolean => ascii(bytes, 0, 4) === 'RIFF' && ascii(bytes, 8, 12) === 'WEBP';

/** Whether it is a drawing in SVG, which browsers decode in pages alone. */
export function isSvg(bytes: Uint8Array): boolean {
  const text = new TextDecoder().decode(bytes.subarray(0, 2048));
  // Before the first element there may be a declaration, comments, and a DOCTYPE with or without definitions.
  return /^\s*(?:<\?[^>]*>\s*|<!--[^]*?-->\s*|<!DOCTYPE\s+svg[^[>]*(?:\[[^\]]*\]\s*)?>\s*)*<svg[\s>]/i.test(text);
}

/** The brand of a file made of boxes, as MP4, HEIC and AVIF are. */
const brand = (bytes: Uint8Array): string => (ascii(bytes, 4, 8) === 'ftyp' ? ascii(bytes, 8, 12) : '');

const HEIC = new Set(['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'mif1', 'msf1']);
const AVIF = new Set(['avif', 'avis']);

const unread = (kind: string): string => `${kind} picture that is damaged or is not read here. Save it as PNG or JPEG`;

/** What a file is that gave no pixels, and what to do, as the end of a sentence. */
export function whatItIs(bytes: Uint8Array, type: string): string {
  const name = brand(bytes);
  if (HEIC.has(name)) {
    return 'a HEIC picture, as iPhones take them. Save it as JPEG (on an iPhone: Settings, Camera, Formats, Most Compatible)';
  }
  if (AVIF.has(name)) return unread('an AVIF');
  if (name !== '' || begins(bytes, 0x1a, 0x45, 0xdf, 0xa3)) return 'a video. Save a frame of it as PNG or JPEG';
  if (bytes.length === 0) return 'an empty file';
  if (begins(bytes, 0x49, 0x49, 0x2a, 0) || begins(bytes, 0x4d, 0x4d, 0, 0x2a)) return 'a TIFF or raw picture. Save it as PNG or JPEG';
  if (ascii(bytes, 0, 4) === '8BPS') return 'a Photoshop file. Save it as PNG or JPEG';
  if (begins(bytes, 0xff, 0x0a) || ascii(bytes, 4, 8) === 'JXL ') return 'a JPEG XL picture. Save it as PNG or JPEG';
  if (ascii(bytes, 4, 8) === 'jP  ') return 'a JPEG 2000 picture. Save it as PNG or JPEG';
  if (ascii(bytes, 0, 4) === '%PDF') return 'a PDF. Save the page as PNG or JPEG';
  if (begins(bytes, 0x50, 0x4b, 3, 4)) return 'a zip, or a document that is one. Unpack it';
  if (isSvg(bytes)) return 'an SVG drawing. Save it as PNG';
  if (isGif(bytes)) return unread('a GIF');
  if (isWebp(bytes)) return unread('a WebP');
  if (ascii(bytes, 0, 2) === 'BM') return unread('a BMP');
  if (type.startsWith('image/')) return `a damaged file or no picture (${type}, ${bytes.length} bytes)`;
  return `${type || 'an unknown type'}, ${bytes.length} bytes`;
}

/** Whether a picture has more than one frame. */
export function isAnimated(bytes: Uint8Array): boolean {
  if (isPng(bytes)) return pngIsAnimated(bytes);
  if (isGif(bytes)) return gifIsAnimated(bytes);
  if (isWebp(bytes)) return ascii(bytes, 12, 16) === 'VP8X' && (bytes[20]! & 2) !== 0;
  return brand(bytes) === 'avis';
}

/** Chunks follow each other by their lengths; one named acTL before the first of pixels says so. */
function pngIsAnimated(bytes: Uint8Array): boolean {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 12 <= bytes.length; at += 12 + data.getUint32(at)) {
    const name = ascii(bytes, at + 4, at + 8);
    if (name === 'acTL') return true;
    if (name === 'IDAT') return false;
  }
  return false;
}

/** A GIF is a list of blocks; a second one of pixels makes it an animation. */
function gifIsAnimated(bytes: Uint8Array): boolean {
  const colours = (flags: number): number => ((flags & 0x80) === 0 ? 0 : 3 << ((flags & 7) + 1));
  let at = 13 + colours(bytes[10] ?? 0);
  let frames = 0;
  while (at < bytes.length) {
    const kind = bytes[at];
    if (kind === 0x2c) {
      frames += 1;
      if (frames > 1) return true;
      at += 11 + colours(bytes[at + 9] ?? 0);
    } else if (kind === 0x21) at += 2;
    else return false;
    // Pieces of data, each with its length; one of length 0 is the last.
    while (at < bytes.length && bytes[at] !== 0) at += 1 + bytes[at]!;
    at += 1;
  }
  return false;
}
