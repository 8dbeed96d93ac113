/**
 * The worker that `load` starts. It has no interface of its own; it is a module so that bundlers and
 * `new Worker(url, { type: 'module' })` find it.
 *
 * @module
 */
import { loadEngine } from './engine-load.js';
import { release } from './image.js';
import { toPlain } from './wire.js';
import type { Engine } from './engine.js';
import type { Answers, Ask, FromWorker, ToWorker } from './messages.js';

const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  onmessageerror: (() => void) | null;
  postMessage(message: FromWorker): void;
};

const ended = new AbortController();
let engine: Engine | null = null;

scope.onmessage = ({ data }) => {
  if ('abort' in data) ended.abort();
  else void answer(data.id, data.ask);
};
// An error that nobody catches reaches the page, which waits for an answer that cannot come.
scope.onmessageerror = () => {
  throw new Error('it cannot read what the page sent');
};
scope.postMessage({ event: 'ready' });

async function answer(id: number, ask: Ask): Promise<void> {
  try {
    const value = await perform(ask);
    scope.postMessage({ event: 'answer', id, value, state: loaded().state });
  } catch (error) {
    scope.postMessage({ event: 'error', id, error: toPlain(error), state: engine?.state ?? null });
  }
}

async function perform(ask: Ask): Promise<Answers[keyof Answers]> {
  switch (ask.ask) {
    case 'load':
      engine = await loadEngine(ask.job, ended.signal, {
        progress: (progress) => scope.postMessage({ event: 'progress', progress }),
        moved: (change) => scope.postMessage({ event: 'moved', change, state: loaded().state }),
        lost: (loss) => scope.postMessage({ event: 'lost', loss, state: loaded().state }),
      });
      return engine.model;
    case 'classify':
      try {
        return await loaded().classify(ask.inputs, ask.wanted);
      } finally {
        release(ask.inputs);
      }
    case 'switch':
      await loaded().switchTo(ask.executor);
      return null;
    case 'memory':
      return loaded().memory();
  }
}

function loaded(): Engine {
  if (engine === null) throw new Error('No model is loaded in this worker.');
  return engine;
}
