// Projects of web/recipes with a framework, which take longer: built for production, at the root of a host and under a
// path, and compared with the native command.
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { build, classifies, complains, install, start, timed } from '../recipes.mjs';
import { CSP, serve } from '../server.mjs';

/** The scripts that Next.js writes into its pages need more than the strict policy. */
const NEXT = CSP.replace("script-src 'self'", "script-src 'self' 'unsafe-inline'");

let driver;
before(async () => (driver = await start()));
after(() => driver?.browser.close());

/** What a page shows at an address, and what it says of a wrong model. */
async function proves(name, root, path, csp) {
  const server = await serve({ root, csp });
  try {
    await timed(`${name} at ${path}, in the browser`, async () => {
      await classifies(driver, server.url + path);
      await complains(driver, server, server.url + path);
    });
  } finally {
    await server.close();
  }
}

for (const name of ['react', 'svelte']) {
  test(name, async () => {
    const folder = await install(name, 'public/models');
    await build(folder);
    await proves(name, join(folder, 'dist'), '/', CSP);
    await build(folder, ['--base=/app/', '--outDir=base/app']);
    await proves(name, join(folder, 'base'), '/app/', CSP);
  });
}

test('next', async () => {
  const folder = await install('next', 'models');
  await build(folder);
  await proves('next', join(folder, 'out'), '/', NEXT);
  await build(folder, [], { BASE_PATH: '/app' });
  await cp(join(folder, 'out'), join(folder, 'base/app'), { recursive: true });
  await proves('next', join(folder, 'base'), '/app/', NEXT);
});
