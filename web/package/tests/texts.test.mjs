// Texts: tokens as the native command makes them, and calls of the classifier.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { QueuedModel } from '../dist/model.js';
import { loadEngine } from '../dist/engine-load.js';
import { similarity, Tokenizer } from '../dist/texts.js';
import { fakeRuntime, modelBytes, options, surroundings } from './fake-runtime.mjs';

const fixtures = new URL('../../../tests/fixtures/', import.meta.url);
const library = import.meta.resolve('@huggingface/tokenizers');
const read = (name) => readFile(new URL(name, fixtures));

for (const name of ['pieces', 'pairs', 'unigrams']) {
  test(`ids of many scripts are those of the native library (${name})`, async () => {
    const expected = JSON.parse(await read('tokenizers/expected.json'))[name];
    const tokenizer = await Tokenizer.open(await read(`tokenizers/${name}.json`), 512, library);
    const lines = String(await read('lines.txt')).split('\n').filter((line) => line !== '');
    assert.equal(lines.length, expected.length);
    const different = lines.filter((line, at) => String(tokenizer.encode(line).ids) !== String(expected[at]));
    assert.deepEqual(different, []);
  });
}

test('a long text is cut between its marks, and how much is told', async () => {
  const open = async (limit) => Tokenizer.open(await read('tokenizers/pieces.json'), limit, library);
  const text = 'The quick brown fox jumps over the lazy dog';
  const whole = (await open(512)).encode(text);
  const cut = (await open(7)).encode(text);
  assert.deepEqual([whole.cut, cut.cut], [0, whole.ids.length - 7]);
  assert.deepEqual(cut.ids, [...whole.ids.slice(0, 6), whole.ids.at(-1)]);
  assert.equal(cut.segments.length, 7);
  assert.equal((await open(7)).encode('').ids.length, 2);
});

test('what is no tokenizer is an error of its kind', async () => {
  const json = new TextEncoder().encode('{"model": 3}');
  await assert.rejects(Tokenizer.open(json, 9, library), { kind: 'text' });
  await assert.rejects(Tokenizer.open(Uint8Array.of(255), 9, library), { kind: 'text' });
  await assert.rejects(Tokenizer.open(json, 9, null), /set the option tokenizersUrl/);
  await assert.rejects(Tokenizer.open(json, 9, new URL('none.js', import.meta.url).href), { kind: 'network' });
});

/** A classifier over a fake model of texts. */
async function loaded(more = {}) {
  const fake = fakeRuntime();
  const tokenizer = String(await read('tokenizers/pieces.json'));
  const bytes = modelBytes({ input: 'text', imageSize: null, channels: null, tokens: 9, tokenizer, ...more });
  const job = { source: bytes, options: options({ tokenizersUrl: library, executor: 'wasm' }) };
  const hooks = { progress() {}, moved() {}, lost() {} };
  const engine = await loadEngine(job, new AbortController().signal, hooks, surroundings(fake));
  return { fake, classifier: new QueuedModel(engine, null, 0) };
}

test('texts are classified in one run, each for itself', async () => {
  const { fake, classifier } = await loaded();
  const [a, b] = await classifier.classifyBatch(['the fox', 'the quick brown fox jumps over the lazy dog'], { top: 1 });
  assert.equal(fake.log.runs, 1);
  assert.deepEqual([a.tokens, a.cut, b.tokens], [a.logits[1], 0, 9]);
  assert.ok(b.cut > 0);
  assert.deepEqual([a.classes.length, a.classes[0].label, a.digest], [1, 'x', `digest of ${[...a.logits]}`]);
  const alone = await classifier.classify('the fox');
  assert.equal(classifier.kind, 'text-classifier');
  assert.deepEqual(alone.logits, a.logits);
  assert.deepEqual(await classifier.classifyBatch([]), []);
  await assert.rejects(classifier.embed(['x']), { kind: 'text', message: /^Expected a model that embeds texts, found one that classifies texts/ });
  await assert.rejects(classifier.classify(new Uint8Array(4)), /^TypeError: Expected a text, as the model classifies texts, found object/);
  await assert.rejects(classifier.classifyBatch('x'), TypeError);
  await assert.rejects(classifier.classify('x', { top: 0 }), RangeError);
});

test('texts are embedded, and two embeddings compared', async () => {
  const { classifier } = await loaded({ output: 'embedding', classes: 0, labels: [] });
  const [a, b] = await classifier.embed(['the fox', 'the dog']);
  assert.deepEqual([a.scale, a.vector.length, 'classes' in a], [0.1, 3, false]);
  assert.equal(similarity(a, a), 1);
  assert.ok(similarity(a, b) < 1);
  assert.equal(similarity({ ...a, vector: Int32Array.of(0, 0, 0) }, a), 0);
  assert.throws(() => similarity(a, { ...a, vector: Int32Array.of(1) }), RangeError);
  assert.equal(classifier.kind, 'text-embedder');
  await assert.rejects(classifier.classify('x'), { kind: 'text', message: /^Expected a model that classifies, found one that embeds texts/ });
});

test('a model without a tokenizer says so', async () => {
  const { classifier } = await loaded({ tokens: null });
  await assert.rejects(classifier.classify('x'), { kind: 'text', message: /with its tokenizer/ });
});
