import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whatItIs, isAnimated, isSvg } from '../dist/kinds.js';

const bytes = (...parts) => Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))));

test('what gives no pixels is named with what to do', () => {
  const cases = [
    [bytes([0, 0, 0, 24], 'ftypheic'), /HEIC picture.*Most Compatible/],
    [bytes([0, 0, 0, 24], 'ftypmif1'), /HEIC/],
    [bytes([0, 0, 0, 24], 'ftypavif'), /an AVIF picture/],
    [bytes([0, 0, 0, 24], 'ftypisom'), /a video/],
    [bytes([0x1a, 0x45, 0xdf, 0xa3]), /a video/],
    [bytes(), /an empty file/],
    [bytes('II*\0'), /TIFF/],
    [bytes('MM\0*'), /TIFF/],
    [bytes('8BPS'), /Photoshop/],
    [bytes([0xff, 0x0a]), /JPEG XL/],
    [bytes('%PDF-1.7'), /PDF/],
    [bytes('PK\x03\x04'), /zip/],
    [bytes('GIF89a'), /a GIF picture that is damaged or is not read here/],
    [bytes('RIFF....WEBPVP8 '), /a WebP picture/],
    [bytes('BM....'), /a BMP picture/],
    [bytes('<?xml version="1.0"?><svg xmlns="x"/>'), /SVG/],
    [bytes('hello'), /^text\/plain, 5 bytes$/],
  ];
  for (const [file, expected] of cases) assert.match(whatItIs(file, 'text/plain'), expected);
  assert.match(whatItIs(bytes('?'), 'image/png'), /^a damaged file or no picture \(image\/png, 1 bytes\)$/);
  assert.match(whatItIs(bytes('?'), ''), /an unknown type, 1 bytes/);
});

test('drawings are told from pages', () => {
  assert.equal(isSvg(bytes('  <svg viewBox="0 0 1 1">')), true);
  assert.equal(isSvg(bytes('<!doctype html><svgx>')), false);
  assert.equal(isSvg(bytes('text with <svg>')), false);
  assert.equal(isSvg(bytes('<!doctype html><body><svg >')), false);
  assert.equal(isSvg(bytes('<?xml version="1.0"?>\n<!-- a <b> -->\n<!DOCTYPE svg PUBLIC "a" "b" [<!ENTITY c "d">]>\n<svg\n>')), true);
});

/** A GIF of one pixel with so many frames, with or without tables of colours of their own. */
function gif(frames, local) {
  const frame = [0x2c, 0, 0, 0, 0, 1, 0, 1, 0, local ? 0x80 : 0, ...(local ? [1, 2, 3, 4, 5, 6] : []), 2, 2, 0x4c, 1, 0];
  const control = [0x21, 0xf9, 4, 0, 10, 0, 0, 0];
  const all = Array.from({ length: frames }, () => [...control, ...frame]).flat();
  return bytes('GIF89a', [1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 255, 255, 255], all, [0x3b]);
}

/** A PNG with chunks of these names. */
const png = (...names) =>
  bytes([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10], ...names.flatMap((name) => [[0, 0, 0, 2], name, [1, 2], [0, 0, 0, 0]]));

test('animations are told from pictures', () => {
  for (const local of [false, true]) {
    assert.equal(isAnimated(gif(1, local)), false);
    assert.equal(isAnimated(gif(2, local)), true);
  }
  assert.equal(isAnimated(png('IHDR', 'acTL', 'IDAT')), true);
  assert.equal(isAnimated(png('IHDR', 'IDAT', 'acTL')), false);
  const webp = (flags) => bytes('RIFF', [0, 0, 0, 0], 'WEBPVP8X', [10, 0, 0, 0], [flags, 0, 0, 0]);
  assert.equal(isAnimated(webp(2)), true);
  assert.equal(isAnimated(webp(16)), false);
  assert.equal(isAnimated(bytes([0, 0, 0, 24], 'ftypavis')), true);
  assert.equal(isAnimated(bytes([0xff, 0xd8, 0xff])), false);
});

test('what is cut short or made of nonsense is read to its end and no further', () => {
  const whole = gif(2, true);
  for (let length = 0; length < whole.length; length += 1) isAnimated(whole.subarray(0, length));
  isAnimated(bytes([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0xff, 0xff, 0xff, 0xff], 'oddX', [0, 0, 0, 0]));
});
