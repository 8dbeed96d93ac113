import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { ImageError } from '../dist/errors.js';
import { isOurs, sizeOf } from '../dist/header.js';
import { PixelMaker } from '../dist/pixels.js';

/** The head of a PNG of that size. */
function png(width, height) {
  const bytes = Buffer.alloc(40);
  bytes.set([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13]);
  bytes.write('IHDR', 12);
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  return bytes;
}

/** The head of a JPEG: a segment of application data, filling, a Huffman table, and then its frame. */
function jpeg(width, height, frame = 0xc2) {
  const size = Buffer.alloc(4);
  size.writeUInt16BE(height);
  size.writeUInt16BE(width, 2);
  return Buffer.from([
    0xff, 0xd8, 0xff, 0xe1, 0, 6, 0xff, 0xc0, 1, 2, 0xff, 0xff, 0xc4, 0, 4, 9, 9, 0xff, frame, 0, 11, 8, ...size, 3, 0, 0,
  ]);
}

test('the header names the size', () => {
  assert.deepEqual(sizeOf(png(70_000, 3)), { width: 70_000, height: 3 });
  for (const frame of [0xc0, 0xc1, 0xc2, 0xcf]) assert.deepEqual(sizeOf(jpeg(640, 480, frame)), { width: 640, height: 480 });
  // Bytes in the midst of a buffer.
  assert.deepEqual(sizeOf(Buffer.concat([Buffer.alloc(7), jpeg(5, 6)]).subarray(7)), { width: 5, height: 6 });
});

test('what names no size is left to the decoder', () => {
  for (const bytes of [png(9, 9).subarray(0, 20), jpeg(9, 9).subarray(0, 24), jpeg(9, 9, 0xc4), Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 0, 1, 1, 1, 1, 1, 1)]) {
    assert.deepEqual([isOurs(bytes), sizeOf(bytes)], [true, null]);
  }
  assert.deepEqual([isOurs(Buffer.from('GIF89a')), sizeOf(Buffer.from('GIF89a'))], [false, null]);
});

test('a photograph has the size of what it decodes to', async () => {
  const read = (name) => readFile(new URL(`../../../tests/fixtures/images/${name}`, import.meta.url));
  const decoded = sizeOf(await read('photo-jpg-decoded.png'));
  assert.ok(decoded.width > 0 && decoded.height > 0);
  assert.deepEqual(sizeOf(await read('photo.jpg')), decoded);
});

test('more than 64 megapixels are refused before anything is decoded', async () => {
  const decoded = [];
  const decode = async (file) => (decoded.push(file), { rgba: Uint8Array.of(1, 2, 3, 4), width: 1, height: 1 });
  const maker = new PixelMaker({ decode, memory: () => 0 });
  const make = (bytes) => maker.make({ fit: (rgba) => rgba }, { kind: 'file', file: new Blob([bytes]) });
  for (const bytes of [png(65_536, 65_536), jpeg(8001, 8000)]) {
    await assert.rejects(make(bytes), (error) => {
      return error instanceof ImageError && /at most 64 megapixels, found \d+ x \d+ pixels \((4295|65) megapixels\)/.test(error.message);
    });
  }
  assert.equal(decoded.length, 0);
  assert.deepEqual((await make(png(8000, 8000))).bytes, Uint8Array.of(1, 2, 3, 4));
});
