// A thread of Node with what the model's script takes from a browser: messages, and files by `fetch`.
import { parentPort } from 'node:worker_threads';
import { PLACE } from './place.js';

// An address that no bundling follows: the file is beside this one.
const { serveHere } = (await import(new URL('./worker.js', import.meta.url).href)) as typeof import('../worker.js');
const port: Parameters<typeof serveHere>[0] = {
  onmessage: null,
  onmessageerror: null,
  postMessage: (message) => parentPort?.postMessage(message),
};
serveHere(port, PLACE);
parentPort?.on('message', (data) => port.onmessage?.({ data } as MessageEvent));
