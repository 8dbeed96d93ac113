// The projects in web/recipes, made as their README says in target/web/recipes, opened in Chromium, and compared with
// the native command.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { launch } from './chromium.mjs';
import { nativeDigests } from './real.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const place = join(root, 'target/web/recipes');

/** What npm publishes. */
export const PACKAGE = join(root, 'target/web/package');

/** The shipped model. */
export const MODEL = join(root, 'models/glyphs.safetensors');

/** A file that only the PNG decoder reads, and one that only the JPEG decoder reads. */
export const IMAGES = [join(root, 'models/samples/K.png'), join(root, 'tests/fixtures/images/photo.jpg')];

/** Runs something and says how long it took. */
export async function timed(what, run) {
  const start = performance.now();
  const value = await run();
  console.log(`${what}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
  return value;
}

/** A command in a folder; what it printed goes into the error if it fails. */
function command(folder, name, options, env = {}) {
  try {
    execFileSync(name, options, {
      cwd: folder,
      encoding: 'utf8',
      stdio: 'pipe',
      // NODE_ENV of the caller would choose which packages are installed and how they are built.
      env: { ...process.env, NO_COLOR: '1', NODE_ENV: undefined, NEXT_TELEMETRY_DISABLED: '1', ...env },
    });
  } catch (error) {
    throw new Error(`${name} ${options.join(' ')} in ${folder}:\n${error.stdout}\n${error.stderr}`, { cause: error });
  }
}

/**
 * A fresh copy of a recipe with a model in `models` and its packages installed from its lock file.
 *
 * @param {string} name folder in web/recipes
 * @param {string | null} models where the recipe wants its models
 * @returns {Promise<string>} the folder of the copy
 */
export async function install(name, models) {
  const folder = join(place, name);
  await rm(folder, { recursive: true, force: true });
  await cp(join(root, 'web/recipes', name), folder, { recursive: true });
  if (models !== null) await cp(MODEL, join(folder, models, 'glyphs.safetensors'));
  if (!existsSync(join(folder, 'package.json'))) return folder;
  // As from a registry: a copy of what is published, not a link to the folder.
  const options = ['ci', '--install-links', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  await timed(`${name}, npm ci`, () => command(folder, 'npm', options));
  return folder;
}

/** Runs the recipe's `build` with more options for the tool. */
export function build(folder, options = [], env = {}) {
  const name = folder.slice(place.length + 1);
  const what = [name, 'npm run build', ...options].join(', ');
  return timed(what, () => command(folder, 'npm', ['run', 'build', '--', ...options], env));
}

/** The same built files under /app/ of a server's root. */
export async function under(folder, output) {
  const base = join(folder, 'base');
  await rm(base, { recursive: true, force: true });
  await cp(join(folder, output), join(base, 'app'), { recursive: true });
  return base;
}

/** Puts another address in the place of a host's in every file of a folder. */
export async function replaceHost(folder, from, to) {
  for (const name of await readdir(folder)) {
    if (!/\.(html|js)$/.test(name)) continue;
    const text = await readFile(join(folder, name), 'utf8');
    await writeFile(join(folder, name), text.replaceAll(from, to));
  }
}

/** Chromium and what the native command says of the images. */
export async function start() {
  const digests = nativeDigests(IMAGES);
  assert.equal(new Set(digests).size, IMAGES.length, 'the images have different digests');
  return { browser: await launch({ webgpu: false }), digests };
}

/**
 * Opens a recipe's page in a fresh profile, classifies a PNG and a JPEG, and compares: digest, `exact`, a worker, and a
 * console without complaints.
 */
export async function classifies({ browser, digests }, url) {
  await visit(browser, url, async (page) => {
    await until('the page is ready', page, async () => {
      assert.equal(await page.textContent('output'), '', 'the page says nothing before it is ready');
      return page.isEnabled('input[type=file]');
    });
    let said = '';
    for (const [at, file] of IMAGES.entries()) {
      await page.setInputFiles('input[type=file]', file);
      said = await answer(page, said);
      const found = Object.fromEntries(said.split('\n').map((line) => line.split(/: (.*)/)));
      assert.equal(found.digest, digests[at], `${file}: the native digest; the page says: ${said}`);
      assert.equal(found.exact, 'true');
      assert.equal(found.thread, 'worker');
      assert.ok(found.label.length > 0);
    }
    assert.deepEqual(page.problems, []);
  });
}

/** What the page says of a model that is none: the name of the error, which minifying must keep. */
export async function complains({ browser }, server, url) {
  const model = server.requests.find(({ path }) => path.endsWith('.safetensors'))?.path;
  assert.ok(model, 'the model was fetched before');
  server.fault(model, { body: Buffer.alloc(1000, 'no model ') });
  await visit(browser, url, async (page) => {
    assert.match(await answer(page, ''), /^ModelFileError: ./);
    assert.deepEqual(page.problems, []);
  });
  server.heal();
}

/** What the page says once it says something else than before. */
async function answer(page, before) {
  let said = before;
  await until('the page answers', page, async () => (said = await page.textContent('output')) !== before);
  return said;
}

/** Asks again and again, from here: the page's policy forbids what would ask there. */
async function until(what, page, holds) {
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(20)) {
    if (await holds()) return;
  }
  const said = await page.textContent('output');
  throw new Error(`Waited a minute until ${what}. It says: "${said}"; its console: ${page.problems.join('\n')}`);
}

async function visit(browser, url, run) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    page.problems = [];
    page.on('pageerror', (error) => page.problems.push(error.message));
    page.on('console', (message) => /^(error|warning)$/.test(message.type()) && page.problems.push(message.text()));
    page.on('requestfailed', (request) => page.problems.push(`${request.url()}: ${request.failure()?.errorText}`));
    await page.route('**/favicon.ico', (route) => route.fulfill({ status: 204 }));
    await page.goto(url);
    await run(page);
  } finally {
    await context.close();
  }
}
