/**
 * The thread that runs the model: started as a worker by `load`, or imported by a page that runs the model itself. It has
 * no interface for others; it is a file of its own so that `new Worker(url, { type: 'module' })` finds it.
 *
 * @module
 */
import { loadEngine } from './engine-load.js';
import { host, THREAD, type Host } from './host.js';
import { release } from './image.js';
import { toPlain } from './wire.js';
import type { Engine } from './engine.js';
import type { Answers, Ask, FromWorker, ToWorker } from './messages.js';

/** The other side: a page, by way of a worker's global scope or of a channel. */
interface Port {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  onmessageerror: ((event: MessageEvent) => void) | null;
  postMessage(message: FromWorker): void;
  close?(): void;
}

/** Answers what is asked. What is asked first is to load a model. */
function serve(port: Port): void {
  const ended = new AbortController();
  let engine: Engine | null = null;
  let working: Promise<void> = Promise.resolve();

  port.onmessage = ({ data }) => {
    if ('abort' in data) ended.abort();
    else if ('end' in data) end();
    else working = answer(data.id, data.ask);
  };
  // An error that nobody catches reaches the page, which waits for an answer that cannot come.
  port.onmessageerror = () => {
    throw new Error('it cannot read what the page sent');
  };
  port.postMessage({ event: 'ready' });

  function end(): void {
    engine?.dispose(working);
    port.onmessage = null;
    port.close?.();
  }

  async function answer(id: number, ask: Ask): Promise<void> {
    try {
      const value = await perform(ask);
      port.postMessage({ event: 'answer', id, value, state: loaded().state });
    } catch (error) {
      port.postMessage({ event: 'error', id, error: toPlain(error), state: engine?.state ?? null });
    }
  }

  async function perform(ask: Ask): Promise<Answers[keyof Answers]> {
    switch (ask.ask) {
      case 'load':
        engine = await loadEngine(ask.job, ended.signal, {
          progress: (progress) => port.postMessage({ event: 'progress', progress }),
          moved: (change) => port.postMessage({ event: 'moved', change, state: loaded().state }),
          lost: (loss) => port.postMessage({ event: 'lost', loss, state: loaded().state }),
        });
        return engine.model;
      case 'classify':
        try {
          return await loaded().classify(ask.inputs, ask.wanted);
        } finally {
          release(ask.inputs);
        }
      case 'segment':
        try {
          return await loaded().segment(ask.inputs, ask.keepPixels);
        } finally {
          release(ask.inputs);
        }
      case 'texts':
        return loaded().texts(ask.texts, ask.top);
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
}

/** Answers where browsers start no worker: in the thread of the caller, in a thread of Node. */
export function serveHere(port: Port, place: Pick<Host, 'name' | 'fetch' | 'keeps'>): void {
  Object.assign(host, place);
  serve(port);
}

if ((globalThis as { name?: unknown }).name === THREAD) serve(globalThis as unknown as Port);
