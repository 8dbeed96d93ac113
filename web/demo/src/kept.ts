// What is kept on this device, and how much memory is in use.
import { el, make, press, say } from './dom.js';
import { cache, type CachedModel } from './intformer/index.js';
import { complain, long, modelChanged, now, outcomeChanged } from './state.js';
import { size } from './text.js';

/** Shows what is kept and makes the button work. */
export function startKept(): void {
  press('clear-cache', () => {
    void long(async () => {
      await cache.clear();
      await list();
    });
  });
  modelChanged.on(() => void list().catch(complain));
  let asked = -Infinity;
  outcomeChanged.on(() => {
    if (performance.now() - asked < 1000) return;
    asked = performance.now();
    // A model that was replaced meanwhile has no memory to tell of.
    void memory().catch(() => {});
  });
}

async function list(): Promise<void> {
  const models = await cache.list();
  el('cached').replaceChildren(...models.map(item));
  el('clear-cache').hidden = models.length === 0;
}

function item({ url, bytes, complete, stored }: CachedModel): HTMLLIElement {
  const address = new URL(url);
  const name = address.origin === location.origin ? address.pathname : url;
  const state = complete ? size(bytes) : `${size(bytes)} so far, to be resumed`;
  return make('li', {}, make('span', {}, name), make('span', {}, `${state}, kept since ${stored.toLocaleDateString('en')}`));
}

async function memory(): Promise<void> {
  if (now.loaded === null) return;
  const { wasm, device } = await now.loaded.classifier.memory();
  say('memory', `In use: ${size(wasm)} of WASM memory${device > 0 ? `, ${size(device)} on the GPU` : ''}.`);
}
