import { cp } from 'node:fs/promises';
import { build } from 'esbuild';

await build({ entryPoints: ['src/main.js'], bundle: true, format: 'esm', minify: true, outdir: 'dist' });
await cp('public', 'dist', { recursive: true });
// esbuild leaves `new URL('./worker.js', import.meta.url)` as it is: the files must lie beside the bundle.
for (const name of ['worker.js', 'wasm']) {
  await cp(`node_modules/intformer/dist/${name}`, `dist/${name}`, { recursive: true });
}
