// The module that decodes PNG and JPEG as the native command does: fetched when the first such file comes.
import { RuntimeError } from './errors.js';

/** An image as a canvas has it: red, green, blue and straight alpha, row by row. */
export interface Decoded {
  rgba: Uint8Array;
  width: number;
  height: number;
}

/** Decodes the bytes of a PNG or JPEG file. */
export type Decode = (file: Uint8Array) => Promise<Decoded>;

/** A decoder that fetches its module from `url` at the first use; a fetch that failed is tried again at the next. */
export function decoderAt(url: string): Decode {
  let started: ReturnType<typeof start> | null = null;
  return async (file) => {
    started ??= start(url);
    let Image;
    try {
      ({ Image } = await started);
    } catch (error) {
      started = null;
      throw error;
    }
    const image = Image.decode(file);
    try {
      return { width: image.width, height: image.height, rgba: image.takePixels() };
    } finally {
      image.free();
    }
  };
}

async function start(url: string): Promise<typeof import('./wasm/intformer_web_decoder.js')> {
  try {
    const glue = await import('./wasm/intformer_web_decoder.js');
    await glue.default({ module_or_path: fetch(url) });
    return glue;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `The image decoder did not start: ${reason}. Check that ${url} is served; images that are no files (canvas, video, ImageBitmap) need no decoder.`;
    throw new RuntimeError(message, { cause: error });
  }
}
