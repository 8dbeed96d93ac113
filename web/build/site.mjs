// The page: a folder of plain files that any web server can serve, in target/web/site. What the native command says of
// the samples is in target/web/native.json before.
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const web = fileURLToPath(new URL('..', import.meta.url));
const target = join(web, '../target/web');
const site = join(target, 'site');
const tool = (script, ...options) =>
  execFileSync('node', [join(web, 'node_modules', script), ...options], { cwd: web, stdio: 'inherit' });

await rm(site, { recursive: true, force: true });
await cp(join(target, 'package/dist'), join(site, 'intformer'), { recursive: true });
tool('typescript/bin/tsc', '-p', 'demo/tsconfig.json');
await cp(join(web, 'demo/public'), site, { recursive: true, filter: (file) => !/\.(css|html)$/.test(file) });
const imported = await bundle();
for (const [page, script] of [['index', 'main'], ['texts', 'texts'], ['scenes', 'scenes']]) {
  const html = await readFile(join(web, `demo/public/${page}.html`), 'utf8');
  await writeFile(join(site, `${page}.html`), withPreloads(html, script, imported[script]));
}
const MODEL = 'models/glyphs.safetensors';
const TEXT_MODEL = 'models/questions.safetensors';
const scenes = JSON.parse(await readFile(join(target, 'scenes.json'), 'utf8'));
for (const model of [MODEL, TEXT_MODEL, ...scenes.models.map(({ model }) => model)]) {
  await cp(join(web, '..', model), join(site, model));
  // Hosts send models as they are: packed, a sixth less comes over the line.
  await writeFile(join(site, `${model}.gz`), gzipSync(await readFile(join(site, model)), { level: 9 }));
}
const texts = JSON.parse(await readFile(join(target, 'texts.json'), 'utf8'));
await writeFile(join(site, 'texts.json'), JSON.stringify({ ...texts, packed: `${TEXT_MODEL}.gz` }));
const packedModels = scenes.models.map((model) => ({ ...model, packed: `${model.model}.gz` }));
await writeFile(join(site, 'scenes.json'), JSON.stringify({ ...scenes, models: packedModels }));
await cp(join(web, '../models/scenes'), join(site, 'scenes'), { recursive: true });
const FIRST = 'samples/A.png';
const samples = join(web, '../models/samples');
for (const name of await readdir(samples)) {
  if (name.endsWith('.png')) await cp(join(samples, name), join(site, 'samples', name));
}
await writeFile(join(site, 'native.json'), JSON.stringify(await native()));
tool('typedoc/bin/typedoc', '--options', 'package/typedoc.json', '--out', join(site, 'api'));
await writeFile(join(site, 'files.json'), JSON.stringify(await precached(), null, 2));

/** Bundles scripts and styles; for each page's script those that it imports. */
async function bundle() {
  const common = { absWorkingDir: join(web, 'demo'), outdir: site, bundle: true, target: 'es2022', minify: true, legalComments: 'none', logLevel: 'warning' };
  const entryPoints = { main: 'src/main.ts', texts: 'src/texts/main.ts', scenes: 'src/scenes/main.ts', style: 'public/style.css' };
  // What only a model in the page's own thread needs is apart from what every visitor needs.
  const { metafile } = await build({ ...common, entryPoints, format: 'esm', splitting: true, chunkNames: '[name]-[hash]', metafile: true });
  await build({ ...common, entryPoints: { sw: 'src/sw.ts' }, format: 'iife' });
  const imports = (script) => {
    const [, found] = Object.entries(metafile.outputs).find(([, output]) => output.entryPoint === entryPoints[script]);
    return found.imports.filter(({ kind }) => kind === 'import-statement').map(({ path }) => path.split('/').at(-1));
  };
  return { main: imports('main'), texts: imports('texts'), scenes: imports('scenes') };
}

/** The page's markup, where the browser learns of all scripts at once instead of one by one. */
function withPreloads(html, name, scripts) {
  const script = `<script type="module" src="${name}.js"></script>`;
  const links = scripts.map((name) => `<link rel="modulepreload" href="${name}" />\n    `);
  if (!html.includes(script)) throw new Error(`${name}: expected ${script}, found none.`);
  return html.replace(script, links.join('') + script);
}

/**
 * What the native command says of the samples, with the pixels of the one that a visit starts with, a plain A: it is
 * named before the decoder is here.
 */
async function native() {
  const found = JSON.parse(await readFile(join(target, 'native.json'), 'utf8'));
  const compiled = join(web, 'package/dist/wasm/intformer_web_decoder');
  const { initSync, Image } = await import(`${compiled}.js`);
  initSync({ module: await readFile(`${compiled}_bg.wasm`) });
  const { file } = found.images.find((image) => image.file === FIRST);
  const image = Image.decode(await readFile(join(site, file)));
  const { width, height } = image;
  return { ...found, packed: `${MODEL}.gz`, first: { file, width, height, rgba: Buffer.from(image.takePixels()).toString('base64') } };
}

/**
 * The files that the page keeps for working offline, and a version that changes with them. Models are kept by the
 * package; what only developers read and icons that only an installation needs are not kept.
 */
async function precached() {
  const version = createHash('sha256');
  const all = await readdir(site, { recursive: true, withFileTypes: true });
  const names = all.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(site.length + 1).replaceAll('\\', '/'));
  for (const name of names.sort()) version.update(name).update(await readFile(join(site, name)));
  const kept = names.filter((name) => !/^(api|models|intformer)\/|^(index\.html|sw\.js)$|\.png$/.test(name));
  const samples = names.filter((name) => /^(samples|scenes)\//.test(name));
  const used = ['intformer/worker.js', 'intformer/tokenizers.js', 'intformer/wasm/intformer_web_bg.wasm', 'intformer/wasm/intformer_web_decoder_bg.wasm'];
  const files = ['./', ...[...kept, ...samples, ...used].map((name) => `./${name}`)];
  return { version: version.digest('hex').slice(0, 16), files };
}
