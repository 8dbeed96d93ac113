import { sleep } from './abort.js';
import { host, isSameOrigin } from './host.js';
import { ModelFileError, NetworkError, OutOfMemoryError } from './errors.js';

/** Bytes that a model may have at most: 1 GiB. */
export const LIMIT = 1 << 30;

const TRIES = 3;

/** What a server said about a file, and what a resumed download is checked against. */
export interface Head {
  /** Bytes of the whole file, or null if the server hides it. */
  total: number | null;
  etag: string | null;
  lastModified: string | null;
}

/** What is to be downloaded, and who is told. */
export interface Request {
  url: string;
  signal?: AbortSignal | undefined;
  /** Bytes that are here from an earlier visit, with what the server said then. */
  kept?: { bytes: Uint8Array; head: Head } | undefined;
  /** Ask for ranges (default true): their answer has the exact size, and a cut connection is resumed. */
  ranges?: boolean;
  /** What the browser's own cache does. */
  httpCache?: RequestCache;
  /** Told before a body is read: what the server said, and the byte at which the body begins. */
  onHead?: (head: Head, offset: number) => Promise<void> | void;
  /** Told of each piece and the byte at which it begins. */
  onBytes?: (piece: Uint8Array, offset: number) => Promise<void> | void;
  /** Milliseconds to wait before the n-th repetition (from 1). */
  backoff?: (repetition: number) => number;
}

/** A whole file. */
export interface Downloaded {
  bytes: Uint8Array<ArrayBuffer>;
  head: Head;
  /** Whether a part of it came from an earlier visit or an earlier try. */
  resumed: boolean;
}

/** Downloads a file, resuming where a connection is cut. Three tries without any progress are the end. */
export async function download(request: Request): Promise<Downloaded> {
  return new Download(request).run();
}

/** Refuses what is no WASM module, as where a server answers everything with its page. */
export function expectWasm(bytes: Uint8Array, url: string, file: string, option: string): void {
  if (bytes[0] === 0 && bytes[1] === 0x61 && bytes[2] === 0x73 && bytes[3] === 0x6d) return;
  throw new NetworkError(
    `${url}: expected a WASM module, found something else. Check that ${file} is served there, or set ${option}.`,
    { url, status: 200, received: bytes.length, expected: null },
  );
}

/** A failure that another try may mend. */
class Passing extends Error {}

class Download {
  readonly #request: Request;
  readonly #sameOrigin: boolean;
  #body: Body;
  #head: Head = { total: null, etag: null, lastModified: null };
  #ranges: boolean;
  #resumed = false;
  #status = 0;

  constructor(request: Request) {
    this.#request = request;
    this.#sameOrigin = isSameOrigin(request.url);
    this.#ranges = (request.ranges ?? true) && /^https?:/.test(request.url);
    this.#body = new Body(request.url);
    if (request.kept !== undefined && this.#ranges) {
      this.#head = request.kept.head;
      this.#body.expect(request.kept.head.total);
      this.#body.add(request.kept.bytes);
    }
  }

  async run(): Promise<Downloaded> {
    const backoff = this.#request.backoff ?? ((repetition) => 300 * 3 ** (repetition - 1));
    let furthest = this.#body.length;
    for (let failures = 0; ; ) {
      try {
        await this.#once();
        return { bytes: this.#body.whole(), head: this.#head, resumed: this.#resumed };
      } catch (error) {
        this.#request.signal?.throwIfAborted();
        if (!(error instanceof Passing)) throw error;
        failures = this.#body.length > furthest ? 1 : failures + 1;
        furthest = Math.max(furthest, this.#body.length);
        if (failures >= TRIES) throw this.#failure(error.message, error.cause);
        // Another origin may allow plain requests alone.
        if (this.#status === 0 && !this.#sameOrigin && failures === TRIES - 1) this.#ranges = false;
        await sleep(backoff(failures), this.#request.signal);
      }
    }
  }

  async #once(): Promise<void> {
    const { signal } = this.#request;
    const offset = this.#ranges ? this.#body.length : 0;
    if (offset > 0 && offset === this.#head.total) {
      await this.#request.onHead?.(this.#head, offset);
      return;
    }
    const response = await this.#ask(offset);
    this.#status = response.status;
    try {
      const start = await this.#begin(response, offset);
      await this.#read(response, start);
    } catch (error) {
      // Nothing to do where the body was read: its reader cancels it.
      if (response.body?.locked === false) await response.body.cancel().catch(() => undefined);
      signal?.throwIfAborted();
      throw error;
    }
  }

  async #ask(offset: number): Promise<Response> {
    const headers = new Headers();
    if (this.#ranges) {
      headers.set('Range', `bytes=${offset}-`);
      // Across origins this header would need the server's leave; there the answer is compared afterwards.
      const validator = strong(this.#head.etag) ?? this.#head.lastModified;
      if (offset > 0 && validator !== null && this.#sameOrigin) headers.set('If-Range', validator);
    }
    const init: RequestInit = { headers, cache: this.#request.httpCache ?? 'default' };
    if (this.#request.signal !== undefined) init.signal = this.#request.signal;
    try {
      return await host.fetch(this.#request.url, init);
    } catch (error) {
      if (error instanceof NetworkError) throw error;
      this.#status = 0;
      throw new Passing(`no answer (${text(error)})`, { cause: error });
    }
  }

  /** Looks at the answer and returns the byte at which its body begins. */
  async #begin(response: Response, offset: number): Promise<number> {
    if (response.status === 416 && offset > 0) {
      this.#restart();
      throw new Passing('the server no longer has the rest of the file');
    }
    if (response.status === 408 || response.status === 429 || response.status >= 500) {
      throw new Passing(`the server answered ${response.status} ${response.statusText}`.trimEnd());
    }
    if (response.status !== 200 && response.status !== 206) {
      throw this.#failure(`the server answered ${response.status} ${response.statusText}`.trimEnd(), undefined);
    }
    // A part of encoded bytes cannot be continued by counting decoded ones.
    if (isEncoded(response)) {
      this.#ranges = false;
      if (offset > 0) {
        this.#restart();
        throw new Passing('the server encodes ranges');
      }
    }
    const head = headOf(response, offset);
    if (head.total !== null && head.total > LIMIT) throw tooLarge(this.#request.url, head.total);
    let start = 0;
    if (response.status === 206) {
      start = rangeStart(response) ?? offset;
      if (start !== offset || (offset > 0 && !sameFile(this.#head, head))) {
        this.#restart();
        throw new Passing('the file on the server is another one now');
      }
    }
    if (start === 0) this.#restart();
    else this.#resumed = true;
    this.#head = head;
    this.#body.expect(head.total);
    await this.#request.onHead?.(head, start);
    return start;
  }

  async #read(response: Response, start: number): Promise<void> {
    const reader = response.body?.getReader();
    if (reader === undefined) throw new Passing('the answer has no body');
    let offset = start;
    try {
      for (;;) {
        let piece: Uint8Array | undefined;
        try {
          piece = (await reader.read()).value;
        } catch (error) {
          throw new Passing(`the connection was cut (${text(error)})`, { cause: error });
        }
        if (piece === undefined) break;
        if (this.#head.total !== null && offset + piece.length > this.#head.total) {
          throw this.#failure('the server sent more than it announced', undefined, offset + piece.length);
        }
        this.#body.add(piece);
        await this.#request.onBytes?.(piece, offset);
        offset += piece.length;
      }
    } catch (error) {
      // Else the rest would go on arriving for nobody.
      await reader.cancel().catch(() => undefined);
      throw error;
    }
    if (this.#head.total !== null && offset < this.#head.total) throw new Passing('the connection was cut');
    if (this.#head.total === null) this.#head = { ...this.#head, total: offset };
  }

  #restart(): void {
    this.#body = new Body(this.#request.url);
    this.#head = { total: null, etag: null, lastModified: null };
    this.#resumed = false;
  }

  #failure(what: string, cause: unknown, received = this.#body.length): NetworkError {
    const expected = this.#head.total;
    const of = expected === null ? 'an unknown number of' : String(expected);
    const advice =
      this.#status === 0
        ? 'Check the connection, the address, and that the server (CORS) and this page (Content-Security-Policy) allow it.'
        : this.#status >= 400
          ? 'Check the address.'
          : 'Load again: what is here is resumed where the server allows it.';
    return new NetworkError(
      `${this.#request.url}: ${what}; received ${received} of ${of} bytes. ${advice}`,
      { url: this.#request.url, status: this.#status, received, expected },
      { cause },
    );
  }
}

/** Bytes as they come: in one buffer where the size is known, else in pieces. */
class Body {
  readonly #url: string;
  #pieces: Uint8Array[] = [];
  #buffer: Uint8Array<ArrayBuffer> | null = null;
  length = 0;

  constructor(url: string) {
    this.#url = url;
  }

  expect(total: number | null): void {
    if (total === null || this.#buffer?.length === total || total < this.length) return;
    const joined = allocate(total);
    this.#copyTo(joined);
    this.#buffer = joined;
    this.#pieces = [];
  }

  add(piece: Uint8Array): void {
    if (this.length + piece.length > LIMIT) throw tooLarge(this.#url, this.length + piece.length);
    if (this.#buffer !== null && this.length + piece.length <= this.#buffer.length) this.#buffer.set(piece, this.length);
    else this.#pieces.push(piece);
    this.length += piece.length;
  }

  whole(): Uint8Array<ArrayBuffer> {
    if (this.#buffer?.length === this.length) return this.#buffer;
    const joined = allocate(this.length);
    this.#copyTo(joined);
    return joined;
  }

  #copyTo(target: Uint8Array): void {
    let at = 0;
    if (this.#buffer !== null) {
      const held = this.length - this.#pieces.reduce((sum, piece) => sum + piece.length, 0);
      target.set(this.#buffer.subarray(0, held));
      at = held;
    }
    for (const piece of this.#pieces) {
      target.set(piece, at);
      at += piece.length;
    }
  }
}

/** What the server says about the file now, without its body; null if it cannot be asked or will not say. */
export async function inquire(url: string, signal: AbortSignal | undefined): Promise<Head | null> {
  const init: RequestInit = { method: 'HEAD', cache: 'no-store' };
  if (signal !== undefined) init.signal = signal;
  try {
    const response = await host.fetch(url, init);
    return response.ok ? headOf(response, 0) : null;
  } catch {
    signal?.throwIfAborted();
    return null;
  }
}

/** Whether two answers are about the same file: nothing that both name differs, and something that both name agrees. */
export function sameFile(a: Head, b: Head): boolean {
  const pairs = [
    [a.etag, b.etag],
    [a.lastModified, b.lastModified],
    [a.total, b.total],
  ].filter(([left, right]) => left !== null && right !== null);
  return pairs.length > 0 && pairs.every(([left, right]) => left === right);
}

function headOf(response: Response, offset: number): Head {
  const encoded = isEncoded(response);
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get('Content-Range') ?? '');
  const length = number(response.headers.get('Content-Length'));
  let total: number | null = null;
  // Behind an encoding both headers count encoded bytes, which never reach this code; another origin hides that it encodes.
  const hidden = response.type === 'cors' && response.status === 200;
  if (!encoded && range !== null) total = Number(range[2]);
  else if (!encoded && !hidden && length !== null) total = length + (response.status === 206 ? offset : 0);
  return { total, etag: response.headers.get('ETag'), lastModified: response.headers.get('Last-Modified') };
}

function isEncoded(response: Response): boolean {
  return !['', 'identity'].includes(response.headers.get('Content-Encoding') ?? '');
}

function rangeStart(response: Response): number | null {
  return number(/^bytes (\d+)-/.exec(response.headers.get('Content-Range') ?? '')?.[1]);
}

function number(digits: string | null | undefined): number | null {
  return digits !== null && digits !== undefined && /^\d{1,15}$/.test(digits) ? Number(digits) : null;
}

function strong(etag: string | null): string | null {
  return etag !== null && !etag.startsWith('W/') ? etag : null;
}

/** A buffer for a model. */
export function allocate(bytes: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(bytes);
  } catch (cause) {
    const message = `The browser gave no ${bytes} bytes for the model: close other tabs, or use a smaller model.`;
    throw new OutOfMemoryError(message, { cause });
  }
}

function tooLarge(url: string, bytes: number): ModelFileError {
  return new ModelFileError(
    `Expected a model of at most 1 GiB, found ${bytes} bytes at ${url}: compress it further with "intformer quantize".`,
  );
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
