// Projects as web developers write them, in web/recipes: built for production, served, and compared with the native
// command. Those that take longer are in long/recipes.test.mjs.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { build, classifies, complains, IMAGES, install, MODEL, PACKAGE, replaceHost, start, timed, under } from './recipes.mjs';
import { serve } from './server.mjs';

let driver;
before(async () => (driver = await start()));
after(() => driver?.browser.close());

/** A page at the root of a host and under a path, both under the strict policy, and what it says of a wrong model. */
async function proves(name, site, base) {
  const server = await serve({ root: site });
  const below = await serve({ root: base });
  try {
    await timed(`${name}, in the browser`, async () => {
      await classifies(driver, `${server.url}/`);
      await complains(driver, server, `${server.url}/`);
      await classifies(driver, `${below.url}/app/`);
    });
  } finally {
    await server.close();
    await below.close();
  }
}

for (const [name, output, models] of [
  ['webpack', 'dist', 'models'],
  ['esbuild-esm', 'dist', 'public/models'],
  ['esbuild-iife', 'dist', 'public/models'],
  ['bare', 'site', 'site/models'],
]) {
  test(name, async () => {
    const folder = await install(name, models);
    await build(folder);
    await proves(name, join(folder, output), await under(folder, output));
  });
}

test('vite', async () => {
  const folder = await install('vite', 'public/models');
  await build(folder);
  await build(folder, ['--base=/app/', '--outDir=base/app']);
  await proves('vite', join(folder, 'dist'), join(folder, 'base'));
  await timed('vite dev', () => dev(folder));
});

/** The page as Vite serves it to the developer. */
async function dev(folder) {
  const options = ['node_modules/vite/bin/vite.js', '--host', '127.0.0.1'];
  const vite = spawn('node', options, { cwd: folder, env: { ...process.env, NO_COLOR: '1', NODE_ENV: undefined } });
  const ended = once(vite, 'exit');
  let said = '';
  for (const stream of [vite.stdout, vite.stderr]) stream.on('data', (piece) => (said += piece));
  try {
    const address = () => /http:\/\/127\.0\.0\.1:\d+\//.exec(said)?.[0];
    for (const end = Date.now() + 60_000; address() === undefined; await sleep(20)) {
      assert.ok(vite.exitCode === null && Date.now() < end, `Vite names no address; it says:\n${said}`);
    }
    await classifies(driver, address());
  } finally {
    vite.kill();
    await ended;
  }
}

test('cross-origin', async () => {
  const folder = await install('cross-origin', 'site/models');
  const { version } = JSON.parse(await readFile(join(PACKAGE, 'package.json'), 'utf8'));
  await cp(PACKAGE, join(folder, `cdn/intformer@${version}`), { recursive: true });
  const cdn = await serve({ root: join(folder, 'cdn'), csp: null, cors: true });
  await replaceHost(join(folder, 'site'), 'https://cdn.example', cdn.url);
  // The policy is the page's own.
  const server = await serve({ root: join(folder, 'site'), csp: null });
  try {
    await classifies(driver, `${server.url}/`);
    await complains(driver, server, `${server.url}/`);
    assert.ok(cdn.requests.some(({ path }) => path.endsWith('intformer_web_decoder_bg.wasm')));
  } finally {
    await server.close();
    await cdn.close();
  }
});

test('node', async () => {
  const folder = await install('node', null);
  const classify = (model, images) => spawnSync('node', ['classify.mjs', model, ...images], { cwd: folder, encoding: 'utf8' });
  const { stdout, stderr, status } = await timed('node, the script', () => classify(MODEL, IMAGES));
  assert.deepEqual([status, stderr], [0, '']);
  const found = stdout.trim().split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(found.map(({ digest }) => digest), driver.digests);
  assert.ok(found.every(({ exact, thread }) => exact && thread === 'worker'), stdout);
  const wrong = classify(IMAGES[0], IMAGES);
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /^ModelFileError: ./);
});
