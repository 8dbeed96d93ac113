import { cp } from 'node:fs/promises';
import { build } from 'esbuild';

await build({
  entryPoints: ['src/main.js'],
  bundle: true,
  format: 'iife',
  minify: true,
  outdir: 'dist',
  // The options in src/main.js say what import.meta.url would have said.
  logOverride: { 'empty-import-meta': 'silent' },
});
await cp('public', 'dist', { recursive: true });
for (const name of ['worker.js', 'wasm']) {
  await cp(`node_modules/intformer/dist/${name}`, `dist/intformer/${name}`, { recursive: true });
}
