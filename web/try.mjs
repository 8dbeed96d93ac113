import { launch } from './tests/chromium.mjs';
import { serve } from './tests/server.mjs';
const server = await serve({ root: '/tmp/site' });
const browser = await launch();
const page = await browser.newPage();
page.on('console', m => console.log('console', m.text()));
page.on('pageerror', e => console.log('pageerror', e));
await page.goto(server.url ?? server.origin ?? server.address);
await page.waitForFunction(() => globalThis.intformer);
console.log(await page.evaluate(async () => {
  const out = [];
  for (const executor of ['auto', 'wasm']) {
    try {
    const t0 = performance.now();
    const c = await intformer.load('/models/glyphs.safetensors', { executor });
    const t1 = performance.now();
    const file = await (await fetch('/samples/A.png')).blob();
    const r = await c.classify(file);
    const r2 = await c.classify(file);
    const ts = []; for (let i = 0; i < 20; i++) ts.push((await c.classify(file)).times.run);
    out.push({ executor: c.executor, adapter: c.adapter, fallback: c.fallback, times: c.times, load: t1 - t0, digest: r.digest, top: r.classes[0], exact: r.exact, first: r.times, warm: r2.times, med: ts.sort((a,b)=>a-b)[10], mem: await c.memory(), thread: c.thread });
    c.dispose();
    } catch (e) { out.push(String(e) + e.stack); }
  }
  return JSON.stringify(out, null, 1);
}));
await browser.close(); await server.close();
