// What is kept on this device, and how much memory is in use.
import { el, make, press, say, sayOrHide } from './dom.js';
import { cache, type CachedModel } from './intformer/index.js';
import { complain, done } from './notices.js';
import { forgetOwn, ownChanged, ownModel } from './own.js';
import { long } from './phase.js';
import { modelChanged, now, outcomeChanged } from './state.js';
import { size } from './text.js';

/** Shows what is kept and makes the button work. */
export function startKept(): void {
  press('clear-cache', () => {
    void long(async () => {
      await cache.clear();
      await forgetOwn();
      await list();
      done('Removed. What is open now goes on until the page is closed.');
    }, false);
  });
  modelChanged.on(() => void list().catch(complain));
  ownChanged.on(() => void list().catch(complain));
  let asked = -Infinity;
  outcomeChanged.on(() => {
    if (performance.now() - asked < 1000) return;
    asked = performance.now();
    // A model that was replaced meanwhile has no memory to tell of.
    void memory().catch(() => {});
  });
}

async function list(): Promise<void> {
  const [models, own] = await Promise.all([cache.list(), ownModel()]);
  const file = own !== null && own.source instanceof File ? [line(own.name, `${size(own.source.size)}, your own`)] : [];
  el('cached').replaceChildren(...file, ...models.map(item));
  el('clear-cache').hidden = models.length === 0 && own === null;
  const opened = own === null ? '' : ` ${own.name} has to be opened again.`;
  sayOrHide('clear-help', el('clear-cache').hidden ? '' : `Without them the page does not start offline.${opened}`);
}

function item({ url, bytes, complete, stored }: CachedModel): HTMLLIElement {
  const address = new URL(url);
  const name = address.origin === location.origin ? address.pathname : url;
  const state = complete ? size(bytes) : `${size(bytes)} so far, to be resumed`;
  return line(name, `${state}, kept since ${stored.toLocaleDateString()}`);
}

function line(name: string, about: string): HTMLLIElement {
  return make('li', {}, make('span', {}, name), make('span', {}, about));
}

async function memory(): Promise<void> {
  if (now.loaded === null) return;
  const { wasm, device } = await now.loaded.classifier.memory();
  say('memory', `In use: ${size(wasm)} of WASM memory${device > 0 ? `, ${size(device)} on the GPU` : ''}.`);
}
