// An origin private file system in memory, as far as this package uses it. It stands in for the browser's in tests of
// what is written when; that the browser's own behaves so is shown by the browser tests.

/** A folder. `sync` offers createSyncAccessHandle as a worker has it; `room` is how many bytes fit in all. */
export class FakeFolder {
  files = new Map();
  open = new Set();

  constructor({ sync = true, room = Infinity } = {}) {
    this.sync = sync;
    this.room = room;
  }

  async getDirectoryHandle() {
    return this;
  }

  async getFileHandle(name, { create = false } = {}) {
    if (!this.files.has(name)) {
      if (!create) throw new DOMException('none', 'NotFoundError');
      this.files.set(name, new Uint8Array());
    }
    const handle = {
      getFile: async () => new File([this.files.get(name)], name),
      createWritable: async ({ keepExistingData = false } = {}) => this.#stream(name, keepExistingData),
    };
    if (this.sync) handle.createSyncAccessHandle = async () => this.#syncHandle(name);
    return handle;
  }

  async removeEntry(name) {
    if (this.open.has(name)) throw new DOMException('locked', 'NoModificationAllowedError');
    if (!this.files.delete(name)) throw new DOMException('none', 'NotFoundError');
  }

  async *keys() {
    yield* [...this.files.keys()];
  }

  #used() {
    return [...this.files.values()].reduce((sum, bytes) => sum + bytes.length, 0);
  }

  #syncHandle(name) {
    if (this.open.has(name)) throw new DOMException('locked', 'NoModificationAllowedError');
    this.open.add(name);
    return {
      write: (bytes, { at }) => {
        const grown = resized(this.files.get(name), Math.max(this.files.get(name).length, at + bytes.length));
        if (this.#used() - this.files.get(name).length + grown.length > this.room) return 0;
        grown.set(bytes, at);
        this.files.set(name, grown);
        return bytes.length;
      },
      truncate: (size) => void this.files.set(name, resized(this.files.get(name), size)),
      flush: () => undefined,
      close: () => void this.open.delete(name),
    };
  }

  /** Nothing that is written counts before the stream is closed. */
  #stream(name, keep) {
    let bytes = keep ? this.files.get(name) : new Uint8Array();
    return {
      truncate: async (size) => void (bytes = resized(bytes, size)),
      write: async (data) => {
        const [piece, at] = data instanceof Uint8Array ? [data, 0] : [data.data, data.position];
        const grown = resized(bytes, Math.max(bytes.length, at + piece.length));
        if (this.#used() + grown.length - this.files.get(name).length > this.room) {
          throw new DOMException('full', 'QuotaExceededError');
        }
        grown.set(piece, at);
        bytes = grown;
      },
      close: async () => void this.files.set(name, bytes),
    };
  }
}

function resized(bytes, size) {
  const other = new Uint8Array(size);
  other.set(bytes.subarray(0, size));
  return other;
}

/** Puts a folder (or null) where the browser's is, and no locks. */
export function installOpfs(folder) {
  const storage = folder === null ? {} : { getDirectory: async () => folder };
  Object.defineProperty(globalThis, 'navigator', { value: { storage }, configurable: true });
}
