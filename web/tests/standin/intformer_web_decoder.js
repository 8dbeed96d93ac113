// Stands in for the generated decoder: of a file the last byte counts.
let started = null;

export default async function init({ module_or_path: bytes }) {
  if (started === null) await WebAssembly.compile(bytes);
  return (started ??= { memory: { buffer: new ArrayBuffer(500) } });
}

export function __wbg_reset_state() {
  started = { memory: { buffer: new ArrayBuffer(500) } };
}

export class Image {
  width = 1;
  height = 1;
  // Every image leaves memory behind; a file that ends with 66 ends the instance, with 67 it is large.
  static decode(file) {
    started.memory.buffer = new ArrayBuffer(started.memory.buffer.byteLength + 100);
    if (file.at(-1) === 66) throw new WebAssembly.RuntimeError('unreachable');
    const size = file.at(-1) === 67 ? { width: 5000, height: 4000 } : {};
    return Object.assign(new Image(), { last: file.at(-1), ...size });
  }
  takePixels() {
    const rgba = new Uint8Array(4 * this.width * this.height);
    rgba.fill(this.last, 0, 1);
    return rgba;
  }
  free() {}
}
