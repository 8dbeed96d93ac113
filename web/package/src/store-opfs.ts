import { sleep } from './abort.js';
import { CacheError } from './errors.js';
import { fileName, type Entry, type Store, type Writer } from './store.js';
import type { Head } from './download.js';

const FOLDER = 'intformer';
/** In a page what was written counts once the file is closed, so it is closed and opened again every so many bytes. */
const COMMIT = 8 << 20;
/** In a worker bytes are on the disk's way at once; pieces of this size keep calls few. */
const PIECE = 1 << 20;

/** Writing at once, which browsers offer in workers alone. */
interface SyncHandle {
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}

type FileHandle = FileSystemFileHandle & { createSyncAccessHandle?: () => Promise<SyncHandle> };

/** What stands beside a file, in `NAME.json`. The file itself is `NAME.model`. */
interface Note extends Head {
  url: string;
  complete: boolean;
  digest: string | null;
  stored: number;
}

/** Files in the origin private file system. A part that is there is resumed by a later visit. */
export class OpfsStore implements Store {
  readonly #folder: FileSystemDirectoryHandle;

  constructor(folder: FileSystemDirectoryHandle) {
    this.#folder = folder;
  }

  /** The store, or null where the browser has none. */
  static async open(): Promise<OpfsStore | null> {
    const root = await (globalThis.navigator as Navigator | undefined)?.storage?.getDirectory?.();
    if (root === undefined) return null;
    return new OpfsStore(await root.getDirectoryHandle(FOLDER, { create: true }));
  }

  async list(): Promise<Entry[]> {
    const found: Entry[] = [];
    for await (const name of this.#names()) {
      if (!name.endsWith('.json')) continue;
      const entry = await this.#entry(name.slice(0, -'.json'.length));
      if (entry !== null) found.push(entry);
    }
    return found;
  }

  async read(url: string): Promise<{ entry: Entry; bytes: Uint8Array<ArrayBuffer> } | null> {
    const name = await fileName(url);
    const entry = await this.#entry(name);
    if (entry === null || entry.url !== url || entry.bytes === 0) return null;
    const file = await this.#file(`${name}.model`);
    if (file === null) return null;
    const bytes = new Uint8Array(await file.arrayBuffer());
    return { entry: { ...entry, bytes: bytes.length }, bytes };
  }

  async write(url: string): Promise<Writer> {
    const name = await fileName(url);
    const file = (await this.#folder.getFileHandle(`${name}.model`, { create: true })) as FileHandle;
    const note = (head: Head, complete: boolean): Promise<void> =>
      this.#writeNote(name, { url, ...plain(head), complete, digest: null, stored: Date.now() });
    if (typeof file.createSyncAccessHandle === 'function') {
      return new SyncWriter(await opened(file), note);
    }
    return new StreamWriter(file, note);
  }

  async seal(url: string, digest: string): Promise<void> {
    const name = await fileName(url);
    const note = await this.#note(name);
    if (note !== null && note.complete && note.digest !== digest) await this.#writeNote(name, { ...note, digest });
  }

  async remove(url: string): Promise<void> {
    const name = await fileName(url);
    // The note goes last: without it nobody would find the file.
    for (const each of [`${name}.model`, `${name}.json`]) {
      try {
        await this.#folder.removeEntry(each);
      } catch (error) {
        if ((error as Error).name === 'NotFoundError') continue;
        const message = `The cached copy of ${url} is in use: close other tabs that load it, then remove it again.`;
        throw new CacheError(message, { cause: error });
      }
    }
  }

  async clear(): Promise<void> {
    for (const { url } of await this.list()) await this.remove(url);
    // What is left has no note that can be read, as after a crash in the midst of writing one.
    const names: string[] = [];
    for await (const name of this.#names()) names.push(name);
    for (const name of names) await this.#folder.removeEntry(name).catch(() => undefined);
  }

  #names(): AsyncIterable<string> {
    return (this.#folder as unknown as { keys(): AsyncIterable<string> }).keys();
  }

  async #entry(name: string): Promise<Entry | null> {
    const note = await this.#note(name);
    if (note === null) return null;
    const bytes = (await this.#file(`${name}.model`))?.size ?? 0;
    return { ...note, bytes, complete: note.complete && bytes === note.total };
  }

  async #file(name: string): Promise<File | null> {
    try {
      return await (await this.#folder.getFileHandle(name)).getFile();
    } catch {
      return null;
    }
  }

  async #note(name: string): Promise<Note | null> {
    try {
      const note = JSON.parse((await (await this.#file(`${name}.json`))?.text()) ?? 'null') as Note | null;
      return typeof note?.url === 'string' && typeof note.complete === 'boolean' ? note : null;
    } catch {
      return null;
    }
  }

  async #writeNote(name: string, note: Note): Promise<void> {
    const bytes = new TextEncoder().encode(JSON.stringify(note));
    const file = (await this.#folder.getFileHandle(`${name}.json`, { create: true })) as FileHandle;
    if (typeof file.createSyncAccessHandle === 'function') {
      const handle = await file.createSyncAccessHandle();
      try {
        handle.truncate(0);
        writeAll(handle, bytes, 0);
        handle.flush();
      } finally {
        handle.close();
      }
      return;
    }
    const stream = await file.createWritable();
    await stream.write(bytes);
    await stream.close();
  }
}

class SyncWriter implements Writer {
  readonly #handle: SyncHandle;
  readonly #note: (head: Head, complete: boolean) => Promise<void>;
  #pending: Uint8Array[] = [];
  #waiting = 0;
  #at = 0;

  constructor(handle: SyncHandle, note: (head: Head, complete: boolean) => Promise<void>) {
    this.#handle = handle;
    this.#note = note;
  }

  async begin(head: Head, offset: number): Promise<void> {
    this.#flush();
    this.#handle.truncate(offset);
    this.#at = offset;
    await this.#note(head, false);
  }

  async add(piece: Uint8Array): Promise<void> {
    this.#pending.push(piece);
    this.#waiting += piece.length;
    if (this.#waiting >= PIECE) this.#flush();
  }

  async finish(_bytes: Uint8Array<ArrayBuffer>, head: Head): Promise<void> {
    this.#flush();
    this.#handle.flush();
    await this.#note(head, true);
  }

  async close(): Promise<void> {
    try {
      this.#flush();
    } finally {
      this.#handle.close();
    }
  }

  #flush(): void {
    const pieces = this.#pending;
    this.#pending = [];
    this.#waiting = 0;
    for (const piece of pieces) {
      writeAll(this.#handle, piece, this.#at);
      this.#at += piece.length;
    }
  }
}

class StreamWriter implements Writer {
  readonly #file: FileSystemFileHandle;
  readonly #note: (head: Head, complete: boolean) => Promise<void>;
  #stream: FileSystemWritableFileStream | null = null;
  #uncommitted = 0;
  #at = 0;

  constructor(file: FileSystemFileHandle, note: (head: Head, complete: boolean) => Promise<void>) {
    this.#file = file;
    this.#note = note;
  }

  async begin(head: Head, offset: number): Promise<void> {
    await this.close();
    this.#stream = await this.#file.createWritable({ keepExistingData: offset > 0 });
    await this.#stream.truncate(offset);
    this.#at = offset;
    await this.#note(head, false);
  }

  async add(piece: Uint8Array): Promise<void> {
    this.#stream ??= await this.#file.createWritable({ keepExistingData: true });
    await this.#stream.write({ type: 'write', position: this.#at, data: piece as Uint8Array<ArrayBuffer> });
    this.#at += piece.length;
    this.#uncommitted += piece.length;
    // Opening again copies the file, so the pieces grow with it.
    if (this.#uncommitted >= Math.max(COMMIT, this.#at / 8)) await this.close();
  }

  async finish(_bytes: Uint8Array<ArrayBuffer>, head: Head): Promise<void> {
    await this.close();
    await this.#note(head, true);
  }

  async close(): Promise<void> {
    const stream = this.#stream;
    this.#stream = null;
    this.#uncommitted = 0;
    await stream?.close();
  }
}

/** Opens a file; a page that was just closed may hold it a moment longer. */
async function opened(file: FileHandle): Promise<SyncHandle> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await file.createSyncAccessHandle!();
    } catch (error) {
      if (tries === 5 || (error as Error).name !== 'NoModificationAllowedError') throw error;
      await sleep(100, undefined);
    }
  }
}

/** A short write means that the disk is full. */
function writeAll(handle: SyncHandle, bytes: Uint8Array, at: number): void {
  const written = handle.write(bytes, { at });
  if (written !== bytes.length) throw new DOMException('The disk is full.', 'QuotaExceededError');
}

function plain(head: Head): Head {
  return { total: head.total, etag: head.etag, lastModified: head.lastModified };
}
