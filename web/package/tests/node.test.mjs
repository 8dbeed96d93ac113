// The package in Node, as published: by its name's `node` condition, with the real modules.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
let folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'intformer node '));
  await mkdir(join(folder, 'node_modules'));
  await symlink(join(root, 'target/web/package'), join(folder, 'node_modules/intformer'));
  await cp(join(root, 'models/glyphs.safetensors'), join(folder, 'a model.safetensors'));
  await cp(join(root, 'models/samples/A.png'), join(folder, 'A.png'));
});
after(() => rm(folder, { recursive: true }));

/** What a script prints, a JSON value; it must end by itself. */
async function script(text) {
  await writeFile(join(folder, 'script.mjs'), `import * as intformer from 'intformer';\n${text}\n`);
  return JSON.parse(execFileSync('node', ['script.mjs'], { cwd: folder, encoding: 'utf8', timeout: 60_000 }));
}

/** The digest that the native command prints for the sample. */
function native() {
  const binary = process.env.INTFORMER ?? join(root, 'target/debug/intformer');
  const options = ['classify', 'a model.safetensors', 'A.png', '--executor', 'reference', '--json'];
  return JSON.parse(execFileSync(binary, options, { cwd: folder, encoding: 'utf8' })).images[0].executors[0].digest;
}

for (const worker of [true, false]) {
  test(`a model and an image by path have the native digest, ${worker ? 'in a thread' : 'in the caller'}`, async () => {
    const found = await script(`
      const classifier = await intformer.load('a model.safetensors', { worker: ${worker} });
      const { digest, exact, classes } = await classifier.classify('A.png');
      const { executor, thread, threadNote, cacheNote } = classifier;
      console.log(JSON.stringify({ digest, exact, label: classes[0].label, executor, thread, threadNote, cacheNote }));
    `);
    assert.deepEqual(found, {
      digest: native(), exact: true, label: 'A', executor: 'wasm', thread: worker ? 'worker' : 'page',
      threadNote: null, cacheNote: null,
    });
  });
}

test('over a network, and in its own words', async () => {
  const found = await script(`
    import { createServer } from 'node:http';
    import { readFile } from 'node:fs/promises';
    const model = await readFile('a model.safetensors');
    const server = createServer((_, answer) => answer.end(model)).listen(0);
    const url = 'http://127.0.0.1:' + server.address().port;
    const said = [];
    for (const worker of [true, false]) {
      const { cacheNote, fallback } = await intformer.load(url, { worker });
      said.push(cacheNote, fallback);
    }
    server.close();
    server.closeAllConnections();
    console.log(JSON.stringify(said));
  `);
  assert.deepEqual(found, [null, 'Node has no WebGPU.', null, 'Node has no WebGPU.']);
});

test('what is missing is said with its path', async () => {
  const found = await script(`
    const said = (error) => [error.name, error.message];
    const classifier = await intformer.load('a model.safetensors');
    console.log(JSON.stringify([
      await intformer.load('none.safetensors').catch(said),
      await classifier.classify('none.png').catch(said),
      await intformer.load('A.png').catch(said),
    ]));
  `);
  const [model, image, picture] = found;
  assert.equal(model[0], 'ModelFileError');
  assert.match(model[1], /none\.safetensors: no such file/);
  assert.equal(image[0], 'ImageError');
  assert.match(image[1], /none\.png: no such file/);
  assert.equal(picture[0], 'ModelFileError');
  assert.match(picture[1], /PNG/);
});
