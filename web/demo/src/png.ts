// PNG files of pixels as they are, alpha not multiplied in: a canvas would round them.

const SIGNATURE = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Each byte of a row as what it is apart from the pixel before: photographs get smaller. */
const SUB = 1;
const CHANNELS = 4;

/** Writes 8 bits each of red, green, blue and alpha. */
export async function png({ width, height, data }: Pick<ImageData, 'width' | 'height' | 'data'>): Promise<Blob> {
  if (typeof CompressionStream !== 'function') throw new Error('This browser cannot write a PNG: a newer one can.');
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8);
  // Colour with alpha; compression, filters and order of the rows are the usual ones.
  header.setUint8(9, 6);
  const chunks = [
    ...chunk('IHDR', new Uint8Array(header.buffer)),
    ...chunk('IDAT', await deflated(filtered(data, width * CHANNELS))),
    ...chunk('IEND', new Uint8Array(0)),
  ];
  return new Blob([SIGNATURE, ...chunks], { type: 'image/png' });
}

/** The rows, each after the number of its filter. */
function filtered(data: ArrayLike<number>, stride: number): Uint8Array<ArrayBuffer> {
  const rows = data.length / stride;
  const out = new Uint8Array(data.length + rows);
  for (let row = 0, to = 0, from = 0; row < rows; row += 1) {
    out[to++] = SUB;
    for (let at = 0; at < stride; at += 1, from += 1) {
      out[to++] = data[from]! - (at < CHANNELS ? 0 : data[from - CHANNELS]!);
    }
  }
  return out;
}

async function deflated(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Length, name, bytes, and the check of name and bytes. */
function chunk(name: string, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>[] {
  const letters = new TextEncoder().encode(name);
  return [big(bytes.length), letters, bytes, big(~crc(bytes, crc(letters, ~0)))];
}

function big(number: number): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, number);
  return new Uint8Array(view.buffer);
}

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit += 1) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

function crc(bytes: Uint8Array, start: number): number {
  let value = start;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 255]! ^ (value >>> 8);
  return value;
}
