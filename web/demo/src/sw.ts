// The service worker: keeps the files of one version of the page and answers from them. Models are not among them:
// the package keeps those. A plain script, for browsers without workers made of modules.
{
  /** What is used of a worker's event that may last. */
  interface Lasting extends Event {
    waitUntil(work: Promise<unknown>): void;
  }

  /** What is used of a request that passes by. */
  interface Passing extends Event {
    readonly request: Request;
    respondWith(answer: Promise<Response>): void;
  }

  /** What is used of a service worker's surroundings; the types of pages lack it. */
  interface Surroundings {
    addEventListener(name: 'install' | 'activate', listener: (event: Lasting) => void): void;
    addEventListener(name: 'fetch', listener: (event: Passing) => void): void;
    addEventListener(name: 'message', listener: (event: MessageEvent) => void): void;
    skipWaiting(): Promise<void>;
    readonly clients: { claim(): Promise<void> };
    readonly location: Location;
  }

  const worker = globalThis as unknown as Surroundings;
  const NAMES = 'intformer-page-';
  /** One cache for each version and place: another copy of the page may live on the same origin. */
  const base = new URL('./', worker.location.href).href;
  const mine = `${NAMES}${base} `;
  const version = new URL(worker.location.href).searchParams.get('version') ?? '';
  const name = mine + version;

  const install = async (): Promise<void> => {
    const answer = await fetch('files.json', { cache: 'no-cache' });
    if (!answer.ok) throw new Error(`files.json: status ${answer.status}`);
    const found = (await answer.json()) as { version: string; files: string[] };
    // The server changed meanwhile: its files would be kept under the name of another version.
    if (found.version !== version) throw new Error(`files.json: expected version ${version}, found ${found.version}`);
    const cache = await caches.open(name);
    // The server says of each file that the browser has whether it is still this one, and sends it only if not.
    await cache.addAll(found.files.map((file) => new Request(file, { cache: 'no-cache' })));
  };

  const activate = async (): Promise<void> => {
    for (const key of await caches.keys()) {
      if (key.startsWith(mine) && key !== name) await caches.delete(key);
    }
    await worker.clients.claim();
  };

  const answer = async (request: Request): Promise<Response> => {
    const cache = await caches.open(name);
    // Pages take options by their addresses, the kept copies have none.
    const plain = request.url.split(/[?#]/)[0]!;
    const kept = request.mode !== 'navigate' ? request : plain === `${base}index.html` ? base : plain;
    return (await cache.match(kept, { ignoreVary: true })) ?? fetch(request);
  };

  /** The version that the server has; where it cannot be asked, this one. */
  const newest = (request: Request): Promise<Response> =>
    fetch(request).catch(() => Response.json({ version, files: [] }));

  worker.addEventListener('install', (event) => event.waitUntil(install()));
  worker.addEventListener('activate', (event) => event.waitUntil(activate()));
  worker.addEventListener('message', (event) => {
    if (event.data === 'activate') void worker.skipWaiting();
  });
  worker.addEventListener('fetch', (event) => {
    const { request } = event;
    const path = request.url.startsWith(base) ? request.url.slice(base.length).split(/[?#]/)[0]! : null;
    // What is never kept here goes its way: models are asked for by range.
    if (request.method !== 'GET' || path === null || /\.safetensors(\.gz)?$/.test(path)) return;
    event.respondWith(path === 'files.json' ? newest(request) : answer(request));
  });
}
