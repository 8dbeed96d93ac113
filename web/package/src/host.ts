// Where the package runs: in a browser, unless the entry for Node puts its own functions here.

/** The name of the worker, by which its script knows that it was started as one. */
export const THREAD = 'intformer-thread';

/** A worker as both ends of this package use it. */
export type Line = Pick<Worker, 'postMessage' | 'terminate' | 'onmessage' | 'onerror' | 'onmessageerror'> & {
  /** Node: whether the process waits for this thread. */
  ref?(): void;
  unref?(): void;
};

/** What differs between browsers and Node. */
export interface Host {
  /** What this is called at the start of a sentence. */
  name: string;
  /** An absolute address; throws a `TypeError` for what is none. */
  address(text: string | URL): string;
  fetch(url: string, init?: RequestInit): Promise<Response>;
  /** Starts a worker; it says `ready` when it has started. `release` is called when that is known. */
  openWorker(url: string): { line: Line; release(): void };
  /** Whether models run in a worker unless the caller says otherwise. */
  worker(): boolean;
  /** Whether models from addresses are kept on the device. */
  keeps: boolean;
}

const origin = (): string | undefined => globalThis.location?.origin;

export const host: Host = {
  name: 'This browser',
  // In a worker, what is relative counts from its script.
  address: (text) => new URL(text, globalThis.document?.baseURI ?? globalThis.location?.href).href,
  fetch: (url, init) => fetch(url, init),
  openWorker(url) {
    if (typeof Worker !== 'function') throw new Error('this browser offers no workers here');
    const options: WorkerOptions = { type: 'module', name: THREAD };
    if (!/^https?:/.test(url) || isSameOrigin(url)) return { line: new Worker(url, options), release: () => undefined };
    // Browsers start no script of another origin, but one of this origin may import it.
    const script = URL.createObjectURL(new Blob([`import ${JSON.stringify(url)};`], { type: 'text/javascript' }));
    return { line: new Worker(script, options), release: () => URL.revokeObjectURL(script) };
  },
  worker: () => globalThis.document !== undefined,
  keeps: true,
};

/** Whether an address is of the origin of this page or worker. */
export function isSameOrigin(url: string): boolean {
  return origin() === undefined || new URL(url).origin === origin();
}

/** A file beside this script; null where the script does not know its own address. */
export function beside(address: () => URL): string | null {
  try {
    // Some bundlers put a path there.
    return host.address(address().href);
  } catch {
    return null;
  }
}
