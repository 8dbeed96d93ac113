// The page: a folder of plain files that any web server can serve, in target/web/site. What the native command says of
// the samples is in target/web/native.json before.
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const web = fileURLToPath(new URL('..', import.meta.url));
const target = join(web, '../target/web');
const site = join(target, 'site');
const tool = (script, ...options) =>
  execFileSync('node', [join(web, 'node_modules', script), ...options], { cwd: web, stdio: 'inherit' });

await rm(site, { recursive: true, force: true });
await cp(join(target, 'package/dist'), join(site, 'intformer'), { recursive: true });
tool('typescript/bin/tsc', '-p', 'demo/tsconfig.json', '--outDir', site);
await cp(join(web, 'demo/public'), site, { recursive: true });
await cp(join(web, '../models/glyphs.safetensors'), join(site, 'models/glyphs.safetensors'));
const samples = join(web, '../models/samples');
for (const name of await readdir(samples)) {
  if (name.endsWith('.png')) await cp(join(samples, name), join(site, 'samples', name));
}
await cp(join(target, 'native.json'), join(site, 'native.json'));
tool('typedoc/bin/typedoc', '--options', 'package/typedoc.json', '--out', join(site, 'api'));
await writeFile(join(site, 'files.json'), JSON.stringify(await precached(), null, 2));

/**
 * The files that the page keeps for working offline, and a version that changes with them. Models are kept by the
 * package, the pages of the API are not kept.
 */
async function precached() {
  const version = createHash('sha256');
  const files = ['./'];
  const all = await readdir(site, { recursive: true, withFileTypes: true });
  const names = all.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(site.length + 1));
  for (const name of names.sort()) {
    version.update(name).update(await readFile(join(site, name)));
    const kept = !/^(api|models)\//.test(name) && !name.endsWith('.d.ts') && name !== 'sw.js';
    if (kept) files.push(`./${name}`);
  }
  return { version: version.digest('hex').slice(0, 16), files };
}
