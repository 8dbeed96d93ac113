// Files by their addresses, as `fetch` gives what is on the network.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** `fetch` that also reads `file:` addresses. */
export function fetchWithFiles(network: typeof fetch): typeof fetch {
  return async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    if (!url.startsWith('file:')) return network(input, init);
    init?.signal?.throwIfAborted();
    try {
      const bytes = await readFile(fileURLToPath(url));
      return new Response(bytes, { headers: { 'Content-Length': String(bytes.length) } });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return new Response(null, code === 'ENOENT' ? { status: 404, statusText: 'no such file' } : { status: 403, statusText: String(code) });
    }
  };
}
