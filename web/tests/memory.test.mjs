// Many frames one after the other take no more memory than few: of JavaScript, of WASM, and of the GPU process.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { launch } from './chromium.mjs';
import { MODEL, real, visit } from './real.mjs';

/** Frames of a round. The first round lets allocators settle; those after it are held against it. */
const FRAMES = 1000;
/** Bytes a frame that a process may grow by: half of what one image's pixels take on the device. */
const GROWTH = 512;
/** Rounds after the first, at most. */
const ROUNDS = 5;
const MIB = 1 << 20;

let browser, server;

before(async () => {
  server = await real();
  browser = await launch({ flags: ['--js-flags=--expose-gc', '--enable-precise-memory-info'] });
});
after(async () => {
  await browser.close();
  await server.close();
});

/** Bytes of the GPU process that belong to it alone; a software adapter's buffers are among them. */
async function gpuBytes() {
  const control = await browser.newBrowserCDPSession();
  const { processInfo } = await control.send('SystemInfo.getProcessInfo');
  const { id } = processInfo.find((process) => process.type === 'GPU');
  const status = readFileSync(`/proc/${id}/smaps_rollup`, 'utf8');
  const kib = (name) => Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(status)[1]);
  return 1024 * (kib('Private_Clean') + kib('Private_Dirty'));
}

for (const executor of ['webgpu', 'wasm']) {
  test(`thousands of frames on ${executor} leave no growth`, async () => {
    const context = await browser.newContext();
    const page = await visit(context, server);
    await page.evaluate(async ([url, name]) => {
      // In the page, where the heap can be looked at.
      globalThis.classifier = await intformer.load(url, { executor: name, worker: false });
      const canvas = new OffscreenCanvas(64, 64);
      const drawing = canvas.getContext('2d');
      globalThis.digests = new Set();
      globalThis.frames = async (count) => {
        for (let at = 0; at < count; at += 1) {
          drawing.fillStyle = `hsl(${at % 360} 50% 50%)`;
          drawing.fillRect(at % 32, 0, 32, 64);
          const frame = new VideoFrame(canvas, { timestamp: at });
          const { digest } = await classifier.classify(frame);
          frame.close();
          if (at < 10) digests.add(digest);
        }
        // Twice, and a pause: finalizers run after the first.
        for (let round = 0; round < 2; round += 1) {
          gc();
          await new Promise((done) => setTimeout(done, 100));
        }
        return { heap: performance.memory.usedJSHeapSize, ...(await classifier.memory()) };
      };
    }, [MODEL, executor]);
    const early = await page.evaluate((count) => frames(count), FRAMES);
    const earlyGpu = await gpuBytes();
    // The pages of the process vary by about a MiB, however many frames there are. What grows with the frames is told
    // from that by more of them: rounds go on while the growth is above the bound, which a leak never falls below.
    let late, lateGpu;
    let rounds = 0;
    do {
      late = await page.evaluate((count) => frames(count), FRAMES);
      lateGpu = await gpuBytes();
      rounds += 1;
    } while (rounds < ROUNDS && lateGpu - earlyGpu >= rounds * FRAMES * GROWTH);
    const told = (bytes) => `${(bytes / MIB).toFixed(2)} MiB`;
    console.log(
      `${executor}: heap ${told(early.heap)} to ${told(late.heap)}, WASM ${told(early.wasm)} to ${told(late.wasm)}, ` +
      `GPU process ${told(earlyGpu)} to ${told(lateGpu)} in ${rounds} further rounds`,
    );
    assert.ok((await page.evaluate(() => digests.size)) > 1, 'frames differ');
    assert.equal(late.wasm, early.wasm);
    assert.equal(late.device, early.device);
    assert.equal(late.device > 0, executor === 'webgpu');
    // Less than 256 bytes a frame: a kept object with its buffer would be more.
    const frames = rounds * FRAMES;
    assert.ok(late.heap - early.heap < frames * 256, `heap grew by ${late.heap - early.heap} bytes in ${frames} frames`);
    const growth = lateGpu - earlyGpu;
    assert.ok(growth < frames * GROWTH, `the GPU process grew by ${growth} bytes in ${frames} frames`);
    await context.close();
  });
}
