// A model file may be packed by gzip: it comes a sixth smaller, and hosts that compress scripts leave it alone.
import { allocate, LIMIT } from './download.js';
import { ModelFileError } from './errors.js';

/** The bytes of a model file, unpacked where gzip packed them. */
export async function unpacked(bytes: Uint8Array): Promise<Uint8Array> {
  if (!isPacked(bytes)) return bytes;
  if (typeof DecompressionStream !== 'function') {
    throw new ModelFileError('The model file is packed by gzip, which this browser cannot unpack: use the file that gzip was given.');
  }
  // The last four bytes tell the size, so that there is one buffer and nothing grows beyond it.
  const size = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(bytes.length - 4, true);
  // What is cut ends in any bytes; gzip packs to a thousandth at best.
  if (size > 1032 * bytes.length) throw new ModelFileError('The model file is packed by gzip and cut or damaged: get it again.');
  if (size > LIMIT) throw new ModelFileError(`Expected a model of at most 1 GiB, found ${size} bytes packed by gzip.`);
  const whole = allocate(size);
  const unpacking = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream('gzip'));
  const reader = unpacking.getReader();
  let at = 0;
  try {
    for (;;) {
      const { value: piece } = await reader.read();
      if (piece === undefined) break;
      if (at + piece.length > size) throw new RangeError(`more than the ${size} bytes that it tells of`);
      whole.set(piece, at);
      at += piece.length;
    }
    if (at < size) throw new RangeError(`${at} of ${size} bytes`);
  } catch (cause) {
    await reader.cancel().catch(() => undefined);
    const message = `The model file is packed by gzip and damaged (${(cause as Error).message}): download or pack it again.`;
    throw new ModelFileError(message, { cause });
  }
  return whole;
}

/** A safetensors file may begin with the same bytes, as they tell a length, but goes on with a brace after eight. */
function isPacked(bytes: Uint8Array): boolean {
  return bytes.length >= 18 && bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8 && bytes[8] !== 0x7b;
}
