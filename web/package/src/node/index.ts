// The package in Node: models and images also by path, the model in a worker thread, WASM as the executor.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { host, type Line } from '../host.js';
import { PLACE } from './place.js';

Object.assign(host, {
  ...PLACE,
  address: (text) => (isPath(text) ? pathToFileURL(resolve(text)) : new URL(text)).href,
  // Beside the script of browsers there is the one that gives a thread what it takes from a browser.
  openWorker: (url) => ({ line: lineTo(new Worker(new URL('./node-worker.js', url), { execArgv: [] })), release: () => undefined }),
  worker: () => true,
} satisfies typeof host);

/** Whether it is a path and no address; a drive of Windows is no scheme. */
function isPath(text: string | URL): text is string {
  return typeof text === 'string' && !/^[a-z][a-z0-9+.-]+:/i.test(text);
}

/** A thread with the face of a browser's worker. */
function lineTo(worker: Worker): Line {
  const line: Line = {
    postMessage: (message: unknown, transfer?: unknown) => worker.postMessage(message, transfer as []),
    terminate: () => void worker.terminate(),
    ref: () => worker.ref(),
    unref: () => worker.unref(),
    onmessage: null,
    onerror: null,
    onmessageerror: null,
  };
  const self = line as unknown as Worker & globalThis.Worker;
  worker.on('message', (data) => line.onmessage?.call(self, { data } as MessageEvent));
  worker.on('messageerror', () => line.onmessageerror?.call(self, {} as MessageEvent));
  worker.on('error', ({ message }) => line.onerror?.call(self, { message, preventDefault: () => undefined } as ErrorEvent));
  return line;
}

export * from '../index.js';
