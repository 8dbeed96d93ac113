import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Queue } from '../dist/queue.js';

/** A job that ends when told. */
function gate() {
  const job = { begun: false };
  job.promise = new Promise((resolve, reject) => Object.assign(job, { end: resolve, fail: reject }));
  job.run = () => {
    job.begun = true;
    return job.promise;
  };
  return job;
}
const settle = () => new Promise((done) => setTimeout(done, 5));

test('one job at a time, in order, and a failed one stops nothing', async () => {
  const queue = new Queue();
  const [a, b] = [gate(), gate()];
  const first = queue.add(a.run);
  const second = queue.add(b.run);
  await settle();
  assert.deepEqual([a.begun, b.begun], [true, false]);
  a.fail(new Error('first'));
  await assert.rejects(first, /first/);
  await settle();
  assert.equal(b.begun, true);
  b.end(2);
  assert.equal(await second, 2);
});

test('an abort takes a waiting job out; the running one goes to its end before the next begins', async () => {
  const queue = new Queue();
  const [a, b, c] = [gate(), gate(), gate()];
  const stopA = new AbortController();
  const stopB = new AbortController();
  const first = queue.add(a.run, stopA.signal);
  const second = queue.add(b.run, stopB.signal);
  const third = queue.add(c.run);
  await settle();
  stopA.abort(new Error('enough'));
  stopB.abort();
  await assert.rejects(first, /enough/);
  await assert.rejects(second, { name: 'AbortError' });
  await settle();
  assert.equal(c.begun, false, 'the aborted run is still going on');
  a.end();
  await settle();
  assert.deepEqual([b.begun, c.begun], [false, true]);
  c.end('last');
  assert.equal(await third, 'last');
});

test('a signal that has aborted before lets nothing begin', async () => {
  const job = gate();
  await assert.rejects(new Queue().add(job.run, AbortSignal.abort(new Error('before'))), /before/);
  assert.equal(job.begun, false);
});

test('closing rejects what runs, what waits and what comes, and tells when the running job has ended', async () => {
  const queue = new Queue();
  const [a, b] = [gate(), gate()];
  const first = queue.add(a.run);
  const second = queue.add(b.run);
  await settle();
  let idle = false;
  void queue.close(() => new Error('closed')).then(() => (idle = true));
  assert.equal(queue.close(() => new Error('twice')), null);
  await assert.rejects(first, /closed/);
  await assert.rejects(second, /closed/);
  await assert.rejects(queue.add(b.run), /closed/);
  await settle();
  assert.equal(idle, false);
  a.end();
  await settle();
  assert.deepEqual([idle, b.begun], [true, false]);
});
