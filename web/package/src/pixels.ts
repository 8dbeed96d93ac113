// Images to the pixels of a model, in the thread that runs it.
import type { Decoder } from './decoder.js';
import { ImageError } from './errors.js';
import { isOurs, sizeOf } from './header.js';
import { AS_THEY_ARE, SIDE_LIMIT, type Input } from './image.js';
import { whatItIs, isAnimated } from './kinds.js';
import { fromWasm } from './wire.js';
import type { WasmModel } from './runtime.js';
import type { RawImage } from './types.js';

/** Bytes that an image file may have at most: 64 MiB. */
const FILE_LIMIT = 64 << 20;
/** Pixels that an image file may have at most: while it is decoded each takes several bytes more than once. */
const PIXEL_LIMIT = 64_000_000;

/** The pixels of an image. */
export interface Pixels {
  /** As the model takes them. */
  bytes: Uint8Array;
  /** Before they were fitted to the model. */
  raw: RawImage;
  /** Whether they equal those of the native command. */
  exact: boolean;
  /** What was done to the image, in sentences. */
  notes: string[];
}

type Raw = RawImage & Partial<Pick<Pixels, 'exact' | 'notes'>>;

/** Makes pixels; its canvas is used again for every image. */
export class PixelMaker {
  readonly #decoder: Decoder;
  #context: OffscreenCanvasRenderingContext2D | CanvasRenderingContext2D | null = null;

  constructor(decoder: Decoder) {
    this.#decoder = decoder;
  }

  async make(model: WasmModel, input: Input): Promise<Pixels> {
    try {
      const { exact = false, notes = [], ...raw } = await this.#raw(input);
      const bytes = model.fit(new Uint8Array(raw.data.buffer, raw.data.byteOffset, raw.data.length), raw.width, raw.height);
      return { bytes, raw, exact, notes };
    } catch (error) {
      throw fromWasm(error);
    }
  }

  async #raw(input: Input): Promise<Raw> {
    if (input.kind === 'file') return this.#file(input.file);
    if (input.kind === 'raw') return input.image;
    if (input.kind === 'bitmap') return this.#drawn(input.bitmap, input.bitmap.width, input.bitmap.height);
    return this.#drawn(input.frame, input.frame.displayWidth, input.frame.displayHeight);
  }

  async #file(file: Blob): Promise<Raw> {
    if (file.size > FILE_LIMIT) {
      throw new ImageError(`Expected an image file of at most 64 MiB, found ${file.size} bytes: use a smaller one.`);
    }
    let bytes: Uint8Array;
    try {
      bytes = new Uint8Array(await file.arrayBuffer());
    } catch (cause) {
      throw new ImageError('The image file cannot be read: it was moved or changed since it was picked.', { cause });
    }
    const notes = isAnimated(bytes) ? ['The file is animated: its first picture was taken.'] : [];
    if (isOurs(bytes)) {
      checkSize(bytes);
      const { rgba, width, height } = await this.#decoder.decode(bytes);
      return { data: clamped(rgba), width, height, exact: true, notes };
    }
    let bitmap: ImageBitmap;
    try {
      bitmap = await createImageBitmap(file, AS_THEY_ARE);
    } catch (cause) {
      const expected = typeof createImageBitmap === 'function' ? 'a PNG, a JPEG or an image that this browser decodes' : 'a PNG or a JPEG';
      throw new ImageError(`Expected ${expected}, found ${whatItIs(bytes, file.type)}.`, { cause });
    }
    try {
      const drawn = this.#drawn(bitmap, bitmap.width, bitmap.height);
      return { ...drawn, notes: [...notes, ...(drawn.notes ?? [])] };
    } finally {
      bitmap.close();
    }
  }

  #drawn(image: ImageBitmap | VideoFrame, width: number, height: number): Raw {
    if (width === 0 || height === 0) throw new ImageError('The image has no pixels: it is empty, or was closed.');
    const shrink = Math.min(1, SIDE_LIMIT / Math.max(width, height));
    const w = Math.max(1, Math.round(width * shrink));
    const h = Math.max(1, Math.round(height * shrink));
    const context = this.#sized(w, h);
    const notes = shrink < 1 ? [`The browser shrank the picture from ${width} x ${height} to ${w} x ${h} pixels.`] : [];
    try {
      context.clearRect(0, 0, w, h);
      context.drawImage(image, 0, 0, w, h);
      return { data: clamped(context.getImageData(0, 0, w, h).data), width: w, height: h, notes };
    } catch (cause) {
      const message = `The browser gave no pixels of the image (${(cause as Error).message}): an image of another origin needs that server's leave (CORS, crossorigin attribute).`;
      throw new ImageError(message, { cause });
    }
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

const clamped = ({ buffer, byteOffset, length }: Uint8Array | Uint8ClampedArray): RawImage['data'] =>
  new Uint8ClampedArray(buffer as ArrayBuffer, byteOffset, length);

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
