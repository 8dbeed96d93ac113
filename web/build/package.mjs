// The npm package: compiled for the unit tests into package/dist, put together for publishing in target/web/package.
import { execFileSync } from 'node:child_process';
import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const web = fileURLToPath(new URL('..', import.meta.url));
const source = join(web, 'package');
const compiled = join(source, 'dist');
const place = join(web, '../target/web/package');
const dist = join(place, 'dist');

await rm(compiled, { recursive: true, force: true });
for (const project of [source, join(source, 'src/node')]) {
  execFileSync('node', [join(web, 'node_modules/typescript/bin/tsc'), '-p', project], { stdio: 'inherit' });
}
for (const module of ['intformer_web', 'intformer_web_decoder']) {
  for (const file of [`${module}.js`, `${module}.d.ts`, `${module}_bg.wasm`]) {
    await cp(join(source, 'src/wasm', file), join(compiled, 'wasm', file));
  }
}

await rm(place, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
const common = {
  absWorkingDir: compiled, outdir: dist, bundle: true, format: 'esm', target: 'es2022',
  minify: true, external: ['node:*'], legalComments: 'none', logLevel: 'warning',
};
// The worker's file stays apart: a page that runs the model itself imports it.
const entryPoints = { index: 'index.js', node: 'node/index.js' };
await build({ ...common, external: [...common.external, './worker.js'], entryPoints, splitting: true, chunkNames: '[name]-[hash]' });
// One file with nothing beside it: a bundler passes it on as it is.
await build({ ...common, entryPoints: { worker: 'worker.js', 'node-worker': 'node/worker.js' } });

// A file of its own, which only models of texts need.
await build({ ...common, entryPoints: { tokenizers: join(web, 'node_modules/@huggingface/tokenizers/dist/tokenizers.mjs') }, banner: { js: '/*! @huggingface/tokenizers, Apache-2.0: see LICENSE-APACHE */' } });

for (const name of await declarations('index.d.ts')) await cp(join(compiled, name), join(dist, name));
for (const module of ['intformer_web', 'intformer_web_decoder']) {
  await cp(join(compiled, `wasm/${module}_bg.wasm`), join(dist, `wasm/${module}_bg.wasm`));
}
for (const name of ['package.json', 'README.md']) await cp(join(source, name), join(place, name));
for (const name of ['LICENSE-MIT', 'LICENSE-APACHE']) await cp(join(web, '..', name), join(place, name));
execFileSync('npm', ['pack', '--silent', '--pack-destination', '..'], { cwd: place, stdio: 'inherit', shell: process.platform === 'win32' });

/** The declarations that a file of them needs, itself among them. */
async function declarations(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  const text = await readFile(join(compiled, file), 'utf8');
  for (const [, name] of text.matchAll(/from '(\.[^']+)\.js'/g)) {
    await declarations(join(dirname(file), `${name}.d.ts`), found);
  }
  return found;
}
