import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ModelFileError } from '../dist/errors.js';
import { unpacked } from '../dist/gzip.js';

/** A safetensors file whose header is so long that its length looks like gzip's first bytes. */
const alike = Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]), Buffer.from('{"a":1}'.padEnd(20))]);

test('what gzip packed is unpacked, also from the middle of a buffer', async () => {
  const whole = randomBytes(300_000);
  assert.deepEqual(Buffer.from(await unpacked(gzipSync(whole))), whole);
  const inside = Buffer.concat([Buffer.from('before'), gzipSync(whole)]).subarray(6);
  assert.deepEqual(Buffer.from(await unpacked(inside)), whole);
});

test('anything else stays as it is', async () => {
  for (const bytes of [Buffer.alloc(0), Buffer.from([0x1f, 0x8b]), Buffer.from('no model, and more than 18 bytes'), alike]) {
    assert.equal(await unpacked(bytes), bytes);
  }
});

test('what is damaged, cut or longer than it tells is refused', async () => {
  const packed = gzipSync(randomBytes(5_000));
  const wrong = Buffer.from(packed);
  wrong[2_000] ^= 0xff;
  const size = (bytes) => {
    const other = Buffer.from(packed);
    other.writeUInt32LE(bytes, other.length - 4);
    return other;
  };
  for (const bytes of [wrong, packed.subarray(0, 3_000), size(4_999), size(5_001)]) {
    await assert.rejects(unpacked(bytes), (error) => error instanceof ModelFileError && /damaged/.test(error.message));
  }
  // No gzip packs so much into five thousand bytes: the end is not the end.
  await assert.rejects(unpacked(size(2 ** 30 + 1)), (error) => error instanceof ModelFileError && /cut or damaged/.test(error.message));
  const large = gzipSync(randomBytes(1_100_000));
  large.writeUInt32LE(2 ** 30 + 1, large.length - 4);
  await assert.rejects(unpacked(large), (error) => error instanceof ModelFileError && /at most 1 GiB/.test(error.message));
});

test('a browser that cannot unpack says so', async () => {
  const kept = globalThis.DecompressionStream;
  delete globalThis.DecompressionStream;
  try {
    await assert.rejects(unpacked(gzipSync(Buffer.alloc(100))), /this browser cannot unpack/);
  } finally {
    globalThis.DecompressionStream = kept;
  }
});
