// Any image as something that can be sent to the thread that runs the model, in the thread of the caller.
import { ImageError } from './errors.js';
import type { Image } from './types.js';

/** An image on its way. Bitmaps and frames are copies that belong to this package. */
export type Input =
  | { kind: 'file'; file: Blob }
  | { kind: 'rgba'; rgba: Uint8Array<ArrayBuffer>; width: number; height: number }
  | { kind: 'bitmap'; bitmap: ImageBitmap }
  | { kind: 'frame'; frame: VideoFrame };

/** Pixels as they are: no alpha multiplied in, no colours converted. */
export const AS_THEY_ARE: ImageBitmapOptions = { premultiplyAlpha: 'none', colorSpaceConversion: 'none' };

/** Copies what is needed of the image. The pixels are those of the moment of the call. */
export async function toInput(image: Image): Promise<Input> {
  if (is(image, 'Blob')) return { kind: 'file', file: image };
  if (is(image, 'ImageData')) return fromImageData(image);
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
    if (input.kind === 'rgba') return [input.rgba.buffer];
    if (input.kind === 'bitmap') return [input.bitmap];
    return input.kind === 'frame' ? [input.frame] : [];
  });
}

const EMPTY =
  'The image has no pixels yet: wait until it is loaded (img.decode(), or the loadeddata event of a video), or give it a size.';

interface Kinds {
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

async function fromImageData(image: ImageData): Promise<Input> {
  const plain = image.data instanceof Uint8ClampedArray && (image.colorSpace ?? 'srgb') === 'srgb';
  if (!plain) return { kind: 'bitmap', bitmap: await createImageBitmap(image) };
  return { kind: 'rgba', rgba: new Uint8Array(image.data), width: image.width, height: image.height };
}

function sizeOf(image: Exclude<Image, Blob | ImageData | VideoFrame>): { width: number; height: number } {
  if (is(image, 'HTMLImageElement')) return { width: image.naturalWidth, height: image.naturalHeight };
  if (is(image, 'HTMLVideoElement')) return { width: image.videoWidth, height: image.videoHeight };
  if (is(image, 'ImageBitmap') || is(image, 'HTMLCanvasElement') || is(image, 'OffscreenCanvas')) return image;
  const found = Object.prototype.toString.call(image).slice('[object '.length, -1);
  throw new ImageError(
    `Expected an image (ImageBitmap, ImageData, canvas, img, video, VideoFrame, Blob or File), found ${found}.`,
  );
}

async function decoded(image: HTMLImageElement): Promise<void> {
  try {
    await image.decode();
  } catch (cause) {
    throw new ImageError(`The image at ${image.src || 'no address'} cannot be loaded.`, { cause });
  }
}

async function bitmapOf(image: Exclude<Image, Blob | ImageData | VideoFrame>): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(image, AS_THEY_ARE);
  } catch (cause) {
    throw new ImageError(`The browser gave no pixels of the image: ${(cause as Error).message}`, { cause });
  }
}
