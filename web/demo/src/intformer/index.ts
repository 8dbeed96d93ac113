// The package as the page uses it: bundled with the page, while its worker and its modules are files of the site.
import { load as loadAnywhere, type LoadOptions, type Source } from '../../../package/dist/index.js';

export * from '../../../package/dist/index.js';

const FILES = {
  workerUrl: 'intformer/worker.js',
  wasmUrl: 'intformer/wasm/intformer_web_bg.wasm',
  decoderUrl: 'intformer/wasm/intformer_web_decoder_bg.wasm',
  tokenizersUrl: 'intformer/tokenizers.js',
};

/** Loads a model with the files of this site. */
export const load = ((source: Source, options: LoadOptions = {}) => loadAnywhere(source, { ...FILES, ...options })) as typeof loadAnywhere;
