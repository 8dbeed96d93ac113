// A thread of Node with what `worker.js` takes from a browser: messages, and files by `fetch`.
import { parentPort } from 'node:worker_threads';
import { THREAD } from '../host.js';
import { fetchWithFiles } from './files.js';

const scope = globalThis as unknown as { name?: string; postMessage?: unknown; onmessage?: (event: { data: unknown }) => void };
globalThis.fetch = fetchWithFiles(fetch);
scope.name = THREAD;
scope.postMessage = (message: unknown) => parentPort?.postMessage(message);
parentPort?.on('message', (data: unknown) => scope.onmessage?.({ data }));
// An address that no bundling follows: the file is beside this one.
await import(new URL('./worker.js', import.meta.url).href);
