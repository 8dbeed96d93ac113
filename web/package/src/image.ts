// Any image as something that can be sent to the thread that runs the model, in the thread of the caller.
import { ImageError } from './errors.js';
import { host } from './host.js';
import { isSvg } from './kinds.js';
import type { Image, RawImage } from './types.js';

/** An image on its way. Bitmaps and frames are copies that belong to this package. */
export type Input =
  | { kind: 'file'; file: Blob }
  | { kind: 'raw'; image: RawImage }
  | { kind: 'bitmap'; bitmap: ImageBitmap }
  | { kind: 'frame'; frame: VideoFrame };

/** Longer side in pixels up to which the browser's pixels are taken as they are; above, the browser shrinks them first. */
export const SIDE_LIMIT = 2048;

/** Pixels as they are: no alpha multiplied in, no colours converted. */
export const AS_THEY_ARE: ImageBitmapOptions = { premultiplyAlpha: 'none', colorSpaceConversion: 'none' };

/** Copies what is needed of the image. The pixels are those of the moment of the call. */
export async function toInput(given: Image): Promise<Input> {
  const image = await fetched(given);
  if (is(image, 'Blob')) return fromFile(image);
  if (is(image, 'ImageData')) return fromImageData(image);
  if (isRaw(image)) return raw(image);
  if (is(image, 'VideoFrame')) {
    try {
      return { kind: 'frame', frame: image.clone() };
    } catch (cause) {
      throw new ImageError('Expected an open VideoFrame, found a closed one: classify it before closing it.', { cause });
    }
  }
  if (is(image, 'HTMLImageElement') && !image.complete) await decoded(image);
  const size = sizeOf(image);
  if (size.width === 0 || size.height === 0) throw new ImageError(EMPTY);
  return { kind: 'bitmap', bitmap: await bitmapOf(image) };
}

/** Lets go of the copies. */
export function release(inputs: Input[]): void {
  for (const input of inputs) {
    if (input.kind === 'bitmap') input.bitmap.close();
    if (input.kind === 'frame') input.frame.close();
  }
}

/** What may be moved to another thread instead of being copied once more. */
export function transferable(inputs: Input[]): Transferable[] {
  return inputs.flatMap((input): Transferable[] => {
    if (input.kind === 'raw') return [input.image.data.buffer];
    if (input.kind === 'bitmap') return [input.bitmap];
    return input.kind === 'frame' ? [input.frame] : [];
  });
}

type Drawable = ImageBitmap | HTMLCanvasElement | OffscreenCanvas | HTMLImageElement | HTMLVideoElement;
type Here = Exclude<Image, string | URL | Response | ArrayBuffer | Uint8Array>;

const EMPTY =
  'The image has no pixels yet: wait until it is loaded (img.decode(), or the loadeddata event of a video), or give it a size.';

interface Kinds {
  Response: Response;
  ArrayBuffer: ArrayBuffer;
  Uint8ClampedArray: Uint8ClampedArray;
  Blob: Blob;
  ImageData: ImageData;
  VideoFrame: VideoFrame;
  ImageBitmap: ImageBitmap;
  HTMLImageElement: HTMLImageElement;
  HTMLVideoElement: HTMLVideoElement;
  HTMLCanvasElement: HTMLCanvasElement;
  OffscreenCanvas: OffscreenCanvas;
}

/** Whether the image is of a class that this thread may not even have; those of other windows count as well. */
function is<Name extends keyof Kinds>(image: unknown, name: Name): image is Kinds[Name] {
  const type = (globalThis as Record<string, unknown>)[name];
  if (typeof type === 'function' && image instanceof type) return true;
  const tag = Object.prototype.toString.call(image);
  return tag === `[object ${name}]` || (name === 'Blob' && tag === '[object File]');
}

/** What is elsewhere is fetched, and bytes become a file; the rest is as it was. */
async function fetched(image: Image): Promise<Here> {
  if (typeof image === 'string' || image instanceof URL) {
    const url = host.address(image);
    const response = await host.fetch(url).catch((cause: unknown) => {
      const message = `${url}: the image could not be fetched. Check the connection and the address; another origin must allow it (CORS).`;
      throw new ImageError(message, { cause });
    });
    return body(response, url);
  }
  if (is(image, 'Response')) return body(image, image.url || 'The response');
  if (ArrayBuffer.isView(image)) return new Blob([image as Uint8Array<ArrayBuffer>]);
  if (is(image, 'ArrayBuffer')) return new Blob([image]);
  return image;
}

async function body(response: Response, name: string): Promise<Blob> {
  if (!response.ok) throw new ImageError(`${name}: ${response.statusText || `the server answered ${response.status}`}.`);
  try {
    return await response.blob();
  } catch (cause) {
    throw new ImageError(`${name}: the image did not arrive whole, or its body was read before.`, { cause });
  }
}

/** Side in pixels of a drawing that names no size. */
const SVG_SIDE = 512;

/** A drawing in SVG is decoded here: browsers do it in pages alone. */
async function fromFile(file: Blob): Promise<Input> {
  const unsure = file.type === '' || /xml|svg|text/.test(file.type);
  if (!unsure || globalThis.document === undefined) return { kind: 'file', file };
  if (!isSvg(new Uint8Array(await file.slice(0, 2048).arrayBuffer()))) return { kind: 'file', file };
  const url = URL.createObjectURL(new Blob([file], { type: 'image/svg+xml' }));
  try {
    const image = document.createElement('img');
    image.src = url;
    await image.decode();
    const canvas = document.createElement('canvas');
    const [width, height] = [image.naturalWidth || SVG_SIDE, image.naturalHeight || SVG_SIDE];
    const scale = Math.min(1, SIDE_LIMIT / Math.max(width, height));
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
    return { kind: 'bitmap', bitmap: await createImageBitmap(canvas, AS_THEY_ARE) };
  } catch (cause) {
    const message = 'The SVG drawing cannot be read: it is damaged, or the rules of this page allow no such pictures. Save it as PNG.';
    throw new ImageError(message, { cause });
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Whether it is pixels as plain data. */
function isRaw(image: unknown): image is RawImage {
  const { data, width, height } = (image ?? {}) as Partial<RawImage>;
  return ArrayBuffer.isView(data) && typeof width === 'number' && typeof height === 'number';
}

function raw({ data, width, height }: RawImage): Input {
  if (!/Uint8(Clamped)?Array/.test(Object.prototype.toString.call(data))) {
    throw new ImageError('Expected pixels as bytes (Uint8ClampedArray or Uint8Array), found numbers of another kind.');
  }
  if (data.length !== 4 * width * height) {
    throw new ImageError(`Expected ${width} x ${height} pixels of four bytes, found ${data.length} bytes.`);
  }
  return { kind: 'raw', image: { data: new Uint8ClampedArray(data), width, height } };
}

async function fromImageData(image: ImageData): Promise<Input> {
  const plain = is(image.data, 'Uint8ClampedArray') && (image.colorSpace ?? 'srgb') === 'srgb';
  if (!plain) return { kind: 'bitmap', bitmap: await bitmapOf(image) };
  return raw(image);
}

function sizeOf(image: Drawable): { width: number; height: number } {
  if (is(image, 'HTMLImageElement')) return { width: image.naturalWidth, height: image.naturalHeight };
  if (is(image, 'HTMLVideoElement')) return { width: image.videoWidth, height: image.videoHeight };
  if (is(image, 'ImageBitmap') || is(image, 'HTMLCanvasElement') || is(image, 'OffscreenCanvas')) return image;
  const found = Object.prototype.toString.call(image).slice('[object '.length, -1);
  throw new ImageError(
    `Expected an image (an address, Response, Blob, File, bytes, ImageBitmap, ImageData, canvas, img, video, VideoFrame), found ${found}.`,
  );
}

async function decoded(image: HTMLImageElement): Promise<void> {
  try {
    await image.decode();
  } catch (cause) {
    throw new ImageError(`The image at ${image.src || 'no address'} cannot be loaded.`, { cause });
  }
}

async function bitmapOf(image: Drawable | ImageData): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(image, AS_THEY_ARE);
  } catch (cause) {
    throw new ImageError(`The browser gave no pixels of the image: ${(cause as Error).message}`, { cause });
  }
}
