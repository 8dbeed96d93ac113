// Where images come from and what is said of them, in a browser with a stand-in for the WASM module.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { context, loaded, model, MODEL, page, server, serveWith, visit } from './package.mjs';

const HEIC = [0, 0, 0, 24, ...Buffer.from('ftypheic'), 0, 0, 0, 0];

/** What the classifier of a page says to what `make` gives there: label, notes, or the error. */
function asked(where, make, options = {}) {
  return where.evaluate(async ([body, given]) => {
    try {
      const image = await new Function(`return (async () => { ${body} })()`)();
      const { logits, exact, notes, hint, pixels } = await classifier.classify(image, given);
      const kept = pixels === null ? null : [[...pixels.data.slice(0, 4)], pixels.width, pixels.height];
      return { logits: [...logits], exact, notes, hint: hint?.kind ?? null, pixels: kept };
    } catch (error) {
      return { name: error.name, message: error.message };
    }
  }, [make, options]);
}

/** Tests that build functions from text or show pictures from blobs need a policy that allows it. */
async function open(csp = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' 'unsafe-eval'; img-src 'self' blob:") {
  await serveWith({ csp });
  server.fault(MODEL, { body: model() });
  const fresh = await visit(context);
  await loaded(fresh);
  return fresh;
}

test('images by address, response and bytes are files', async () => {
  const where = await open();
  const ways = {
    address: "return 'green.png'",
    url: "return new URL('green.png', document.baseURI)",
    response: "return fetch('green.png')",
    buffer: "return (await fetch('green.png')).arrayBuffer()",
    bytes: "return new Uint8Array(await (await fetch('green.png')).arrayBuffer())",
  };
  for (const [name, make] of Object.entries(ways)) {
    const { exact, logits, message } = await asked(where, make);
    assert.deepEqual([exact, logits, message], [true, [0x82, 0, 0], undefined], name);
  }
  const raw = await asked(where, 'return { data: new Uint8Array([9, 8, 7, 255]), width: 1, height: 1 }');
  assert.deepEqual(raw.logits, [9, 8, 7]);
  const short = await asked(where, 'return { data: new Uint8Array([9, 8, 7]), width: 1, height: 1 }');
  assert.match(short.message, /Expected 1 x 1 pixels of four bytes, found 3 bytes/);
  const missing = await asked(where, "return 'none.png'");
  assert.deepEqual([missing.name, /none\.png: (Not Found|the server answered 404)/.test(missing.message)], ['ImageError', true], missing.message);
  const refused = await asked(where, "return 'http://127.0.0.1:9/none.png'");
  assert.match(refused.message, /could not be fetched.*CORS/);
  const used = await asked(where, "const answer = await fetch('green.png'); await answer.text(); return answer");
  assert.match(used.message, /body was read before/);
});

test('the pixels that were classified can be had, with their alpha', async () => {
  const where = await open();
  const make = 'return new ImageData(new Uint8ClampedArray([200, 100, 50, 7]), 1)';
  assert.equal((await asked(where, make)).pixels, null);
  assert.deepEqual((await asked(where, make, { keepPixels: true })).pixels, [[200, 100, 50, 7], 1, 1]);
});

test('what was done to an image is said: shrunk, or the first of several', async () => {
  const where = await open();
  const large = await asked(where, "const canvas = new OffscreenCanvas(3000, 1000); canvas.getContext('2d').fillRect(0, 0, 3000, 1000); return canvas", { keepPixels: true });
  assert.deepEqual(large.notes, ['The browser shrank the picture from 3000 x 1000 to 2048 x 683 pixels.']);
  assert.deepEqual(large.pixels.slice(1), [2048, 683]);
  const frame = [0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0];
  const gif = [...Buffer.from('GIF89a'), 1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 255, 255, 255, ...frame, ...frame, 0x3b];
  const animated = await asked(where, `return new Blob([Uint8Array.of(${gif})], { type: 'image/gif' })`);
  assert.deepEqual(animated.notes, ['The file is animated: its first picture was taken.'], JSON.stringify(animated));
  assert.deepEqual((await asked(where, "return 'green.png'")).notes, []);
});

test('hints come with the answer', async () => {
  const where = await open();
  assert.equal((await asked(where, 'return new ImageData(new Uint8ClampedArray([9, 9, 9, 255]), 1)')).hint, 'uniform');
  assert.equal((await asked(where, 'return new ImageData(new Uint8ClampedArray([9, 80, 9, 255]), 1)')).hint, null);
});

test('drawings in SVG, with a size, with a viewBox alone and with neither', async () => {
  const where = await open();
  const svg = (attributes) => `<svg xmlns="http://www.w3.org/2000/svg" ${attributes}><rect width="100%" height="100%" fill="rgb(10,200,30)"/></svg>`;
  for (const [attributes, type] of [['width="30" height="20"', 'image/svg+xml'], ['viewBox="0 0 30 20"', ''], ['', 'text/xml']]) {
    const found = await asked(where, `return new Blob([${JSON.stringify(svg(attributes))}], { type: '${type}' })`);
    assert.deepEqual(found.logits, [10, 200, 30], `${attributes}: ${JSON.stringify(found)}`);
  }
  const broken = await asked(where, "return new Blob(['<svg <'], { type: 'image/svg+xml' })");
  assert.equal(broken.name, 'ImageError');
});

test('a HEIC picture is refused with advice where the browser reads none', async () => {
  const where = await open();
  const found = await asked(where, `return new Blob([Uint8Array.of(${HEIC})])`);
  assert.deepEqual([found.name, /HEIC picture.*Save it as JPEG/.test(found.message)], ['ImageError', true], found.message);
});

test('under the strict policy an SVG says what the page does not allow', async () => {
  await loaded(page);
  const said = await page.evaluate(() => {
    const file = new Blob(['<svg xmlns="http://www.w3.org/2000/svg" width="3" height="3"/>'], { type: 'image/svg+xml' });
    return classifier.classify(file).then(() => 'named', ({ name, message }) => `${name}: ${message}`);
  });
  assert.match(said, /^ImageError: The SVG drawing cannot be read.*the rules of this page/);
  assert.ok(server.requests.length > 0);
});
