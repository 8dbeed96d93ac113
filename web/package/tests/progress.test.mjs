import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Meter } from '../dist/progress.js';

function metered() {
  const events = [];
  const clock = { now: 0 };
  return { events, clock, meter: new Meter((event) => events.push(event), () => clock.now) };
}

test('the first event has the exact total, and nothing is said before it is known', async () => {
  const { events, meter } = metered();
  let begun = false;
  void meter.begun.then(() => (begun = true));
  meter.runtime.expect(100);
  await null;
  assert.deepEqual([events.length, begun], [0, false]);
  meter.model.expect(900);
  await null;
  assert.equal(begun, true);
  assert.deepEqual(events, [{ stage: 'runtime', loaded: 0, total: 1000, fromCache: false }]);
});

test('at most some 30 events a second, and the last one always', () => {
  const { events, clock, meter } = metered();
  meter.runtime.expect(0);
  meter.runtime.done(0);
  meter.model.expect(1000);
  for (let loaded = 1; loaded <= 1000; loaded += 1) {
    clock.now += 1;
    meter.model.at(loaded);
  }
  meter.model.done(1000);
  assert.ok(events.length >= 28 && events.length <= 33, `${events.length} events in a second`);
  assert.deepEqual(events.at(-1), { stage: 'model', loaded: 1000, total: 1000, fromCache: false });
  meter.prepare();
  assert.deepEqual(events.at(-1), { stage: 'prepare', loaded: 1000, total: 1000, fromCache: false });
});

test('loaded goes back where the server forces a restart, and only there', () => {
  const { events, clock, meter } = metered();
  meter.runtime.expect(10);
  meter.model.expect(100);
  const at = (loaded, restart) => {
    clock.now += 100;
    meter.model.at(loaded, restart);
    return events.at(-1).loaded;
  };
  assert.equal(at(50), 50);
  assert.equal(at(40), 50);
  assert.equal(at(0, true), 0);
  assert.equal(at(60), 60);
});

test('a hidden size is null until all is here', () => {
  const { events, meter } = metered();
  meter.runtime.expect(10);
  meter.model.expect(null);
  assert.equal(events[0].total, null);
  meter.runtime.done(10);
  meter.model.done(77);
  assert.deepEqual(events.at(-1), { stage: 'model', loaded: 87, total: 87, fromCache: false });
});
