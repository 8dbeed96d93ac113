// The module that decodes PNG and JPEG as the native command does: fetched when the first such file comes.
import { download, expectWasm } from './download.js';
import { ImageError, IntformerError, RuntimeError } from './errors.js';
import { trapped } from './wire.js';

/** An image as a canvas has it: red, green, blue and straight alpha, row by row. */
export interface Decoded {
  rgba: Uint8Array;
  width: number;
  height: number;
}

/** Pixels above which an image leaves more memory behind than is worth keeping: WASM memory never shrinks. */
const LARGE = 16_000_000;

const NOWHERE =
  'This script does not know its own address, as in a classic script or a blob: set the option decoderUrl to read PNG and JPEG files.';

/** Glue that can put a fresh instance in the place of its first one. */
export interface Renewable {
  __wbg_reset_state?: () => void;
}

/** Decodes files. */
export interface Decoder {
  /** Fetches from another address from now on; what has started stays. */
  at(url: string): void;
  /** The pixels of a PNG or JPEG file. */
  decode(file: Uint8Array): Promise<Decoded>;
  /** Bytes of its WASM memory, 0 before the first use. */
  memory(): number;
}

interface Started {
  Image: typeof import('./wasm/intformer_web_decoder.js').Image;
  memory: WebAssembly.Memory;
  /** Puts a fresh instance in the place of this one. */
  renew(): Promise<Started>;
}

/** A decoder that fetches its module from `url` at the first use; a fetch that failed is tried again at the next. */
export function decoderAt(address: string | null): Decoder {
  let url = address;
  let starting: Promise<Started> | null = null;
  let memory: WebAssembly.Memory | null = null;
  return {
    at: (other) => void (url = other),
    memory: () => memory?.buffer.byteLength ?? 0,
    async decode(file) {
      if (url === null) throw new RuntimeError(NOWHERE);
      starting ??= start(url).catch((error: unknown) => {
        starting = null;
        throw error;
      });
      const started = await starting;
      memory = started.memory;
      const renew = async (): Promise<void> => {
        starting = started.renew();
        memory = (await starting).memory;
      };
      let image;
      try {
        image = started.Image.decode(file);
      } catch (cause) {
        if (!trapped(cause)) throw cause;
        await renew();
        const message = `The image decoder stopped (${(cause as Error).message}), perhaps for want of memory: use a smaller image.`;
        throw new ImageError(message, { cause });
      }
      const { width, height } = image;
      const rgba = image.takePixels();
      image.free();
      if (width * height > LARGE) await renew();
      return { width, height, rgba };
    },
  };
}

async function start(url: string): Promise<Started> {
  try {
    const [{ bytes }, glue] = await Promise.all([
      download({ url, ranges: false }),
      import('./wasm/intformer_web_decoder.js'),
    ]);
    expectWasm(bytes, url, 'intformer_web_decoder_bg.wasm', 'decoderUrl');
    const begun = async (): Promise<Started> => {
      const { memory } = await glue.default({ module_or_path: bytes });
      return { Image: glue.Image, memory, renew };
    };
    const renew = (): Promise<Started> => {
      (glue as object as Renewable).__wbg_reset_state?.();
      return begun();
    };
    return await begun();
  } catch (error) {
    if (error instanceof IntformerError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const message = `The image decoder did not start: ${reason}. Check that ${url} is served; a canvas, video or ImageBitmap needs no decoder.`;
    throw new RuntimeError(message, { cause: error });
  }
}
