// Stands in for the generated decoder: of a file the last byte counts.
export default async function init({ module_or_path: bytes }) {
  await WebAssembly.compile(bytes);
  return { memory: { buffer: new ArrayBuffer(500) } };
}

export class Image {
  width = 1;
  height = 1;
  static decode(file) {
    return Object.assign(new Image(), { last: file.at(-1) });
  }
  takePixels() {
    return Uint8Array.of(this.last, 0, 0, 255);
  }
  free() {}
}
