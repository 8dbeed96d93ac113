// Starts the worker that runs the model.
import { untilAborted } from './abort.js';
import { RuntimeError } from './errors.js';
import { host, type Line } from './host.js';

/** Milliseconds that a worker may take to start; the script comes over the network. */
const START = 20_000;

/** The thread of the caller with the face of a worker. */
export async function thisThread(): Promise<Line> {
  const { serveHere } = await import('./worker.js').catch((cause: unknown) => {
    const message = `The script that runs the model could not be imported: ${String(cause)}. Check that worker.js is served beside this package's script.`;
    throw new RuntimeError(message, { cause });
  });
  const { port1, port2 } = new MessageChannel();
  const { name, fetch, keeps } = host;
  serveHere(port1, { name, fetch, keeps });
  const [near, far] = [port2, port1] as (MessagePort & Partial<Pick<Line, 'ref' | 'unref'>>)[];
  far!.unref?.();
  const line: Line = {
    postMessage: (message: unknown, transfer?: unknown) => near!.postMessage(message, transfer as Transferable[]),
    terminate: () => {
      near!.onmessage = null;
      near!.postMessage({ end: true });
    },
    ref: () => near!.ref?.(),
    unref: () => near!.unref?.(),
    onmessage: null,
    onerror: null,
    onmessageerror: null,
  };
  near!.onmessage = (event) => line.onmessage?.call(line as Worker, event);
  return line;
}

/** Starts the worker; if this page or browser allows none, says why in a sentence. */
export async function startWorker(url: string | null, signal: AbortSignal | undefined): Promise<Line | string> {
  if (url === null) return 'The worker could not start: this script does not know its own address; set the option workerUrl.';
  let opened: ReturnType<typeof host.openWorker>;
  try {
    opened = host.openWorker(url);
  } catch (error) {
    return `The worker could not start: ${error instanceof Error ? error.message : String(error)}.`;
  }
  const { line, release } = opened;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const outcome = new Promise<string | null>((resolve) => {
    line.onmessage = () => resolve(null);
    line.onerror = (event) => {
      event.preventDefault();
      const said = event.message ? `: ${event.message}` : '. Its script is missing, or worker-src of the Content-Security-Policy forbids it';
      resolve(`The worker could not start${said}.`);
    };
    timer = setTimeout(() => resolve(`The worker did not start within ${START / 1000} seconds.`), START);
  });
  try {
    const reason = await untilAborted(outcome, signal);
    if (reason === null) return line;
    line.terminate();
    return reason;
  } catch (error) {
    line.terminate();
    throw error;
  } finally {
    clearTimeout(timer);
    release();
  }
}
