// Images to the pixels of a model, in the thread that runs it.
import type { Decoder } from './decoder.js';
import { ImageError } from './errors.js';
import { isOurs, sizeOf } from './header.js';
import { AS_THEY_ARE, type Input } from './image.js';
import { fromWasm } from './wire.js';
import type { WasmModel } from './runtime.js';

/** Bytes that an image file may have at most: 64 MiB. */
const FILE_LIMIT = 64 << 20;
/** Pixels that an image file may have at most: while it is decoded each takes several bytes more than once. */
const PIXEL_LIMIT = 64_000_000;
/** Longer side in pixels up to which the browser's pixels are taken as they are; above, the browser shrinks them first. */
const SIDE_LIMIT = 2048;

/** The pixels of an image, and whether they equal those of the native command. */
export interface Pixels {
  bytes: Uint8Array;
  exact: boolean;
}

/** Makes pixels; its canvas is used again for every image. */
export class PixelMaker {
  readonly #decoder: Decoder;
  #context: OffscreenCanvasRenderingContext2D | CanvasRenderingContext2D | null = null;

  constructor(decoder: Decoder) {
    this.#decoder = decoder;
  }

  async make(model: WasmModel, input: Input): Promise<Pixels> {
    try {
      if (input.kind === 'file') return await this.#file(model, input.file);
      if (input.kind === 'rgba') return { bytes: model.fit(input.rgba, input.width, input.height), exact: false };
      if (input.kind === 'bitmap') {
        const { width, height } = input.bitmap;
        return { bytes: this.#drawn(model, input.bitmap, width, height), exact: false };
      }
      const { displayWidth, displayHeight } = input.frame;
      return { bytes: this.#drawn(model, input.frame, displayWidth, displayHeight), exact: false };
    } catch (error) {
      throw fromWasm(error);
    }
  }

  async #file(model: WasmModel, file: Blob): Promise<Pixels> {
    if (file.size > FILE_LIMIT) {
      throw new ImageError(`Expected an image file of at most 64 MiB, found ${file.size} bytes: use a smaller one.`);
    }
    let bytes: Uint8Array;
    try {
      bytes = new Uint8Array(await file.arrayBuffer());
    } catch (cause) {
      throw new ImageError('The image file cannot be read: it was moved or changed since it was picked.', { cause });
    }
    if (isOurs(bytes)) {
      checkSize(bytes);
      const { rgba, width, height } = await this.#decoder.decode(bytes);
      return { bytes: model.fit(rgba, width, height), exact: true };
    }
    let bitmap: ImageBitmap;
    try {
      bitmap = await createImageBitmap(file, AS_THEY_ARE);
    } catch (cause) {
      const found = `${file.type || 'an unknown type'}, ${file.size} bytes`;
      throw new ImageError(`Expected a PNG, a JPEG or an image that this browser decodes, found ${found}.`, { cause });
    }
    try {
      return { bytes: this.#drawn(model, bitmap, bitmap.width, bitmap.height), exact: false };
    } finally {
      bitmap.close();
    }
  }

  #drawn(model: WasmModel, image: ImageBitmap | VideoFrame, width: number, height: number): Uint8Array {
    if (width === 0 || height === 0) throw new ImageError('The image has no pixels: it is empty, or was closed.');
    const shrink = Math.min(1, SIDE_LIMIT / Math.max(width, height));
    const w = Math.max(1, Math.round(width * shrink));
    const h = Math.max(1, Math.round(height * shrink));
    const context = this.#sized(w, h);
    let data: Uint8ClampedArray;
    try {
      context.clearRect(0, 0, w, h);
      context.drawImage(image, 0, 0, w, h);
      data = context.getImageData(0, 0, w, h).data;
    } catch (cause) {
      const message = `The browser gave no pixels of the image (${(cause as Error).message}): an image of another origin needs that server's leave (CORS, crossorigin attribute).`;
      throw new ImageError(message, { cause });
    }
    return model.fit(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), w, h);
  }

  #sized(width: number, height: number): OffscreenCanvasRenderingContext2D | CanvasRenderingContext2D {
    const canvas = this.#context?.canvas ?? blank();
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    this.#context ??= canvas.getContext('2d', { willReadFrequently: true }) as CanvasRenderingContext2D | null;
    if (this.#context === null) throw new ImageError('The browser gave no canvas to read pixels from.');
    this.#context.imageSmoothingQuality = 'high';
    return this.#context;
  }
}

/** Refuses what would take gigabytes to decode, before it does. */
function checkSize(bytes: Uint8Array): void {
  const size = sizeOf(bytes);
  if (size === null || size.width * size.height <= PIXEL_LIMIT) return;
  const pixels = Math.ceil((size.width * size.height) / 1e6);
  throw new ImageError(
    `Expected an image of at most 64 megapixels, found ${size.width} x ${size.height} pixels (${pixels} megapixels): use a smaller one.`,
  );
}

function blank(): OffscreenCanvas | HTMLCanvasElement {
  return typeof OffscreenCanvas === 'function' ? new OffscreenCanvas(1, 1) : document.createElement('canvas');
}
