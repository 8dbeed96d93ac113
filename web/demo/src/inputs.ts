// Images from outside: picked, dropped or pasted, as files or by their address. A model that is dropped is loaded.
import { el, press } from './dom.js';
import { isModelName, openModel } from './model.js';
import { clearAlert, complain } from './notices.js';
import { takeText } from './pasted.js';
import { show } from './run.js';

/** Makes the buttons, the drop area and pasting work. */
export function startInputs(): void {
  const input = el<HTMLInputElement>('file');
  press('pick', () => input.click());
  input.addEventListener('change', () => {
    const file = input.files?.[0];
    if (file !== undefined) take(file);
    // The same file may be picked again.
    input.value = '';
  });
  press('paste', () => void pasted().then(take).catch(complain));
  document.addEventListener('paste', (event) => {
    const file = event.clipboardData?.files[0];
    const text = event.clipboardData?.getData('text/plain') ?? '';
    // Text for the field with the cursor is its own.
    if (file === undefined && (text === '' || event.target instanceof HTMLInputElement)) return;
    event.preventDefault();
    take(file ?? text);
  });
  startDrop();
}

/** Shows an image, or loads a model. */
function take(found: File | string): void {
  clearAlert();
  if (typeof found === 'string') void takeText(found).catch(complain);
  else if (isModelName(found.name)) void openModel(found, found.name);
  else void show({ kind: 'file', name: found.name, image: found, native: null });
}

async function pasted(): Promise<File | string> {
  if (typeof navigator.clipboard?.read !== 'function') {
    throw new Error('This browser does not let a button read the clipboard: press Ctrl+V instead.');
  }
  const items = await navigator.clipboard.read().catch((cause: unknown) => {
    throw new Error('The browser did not allow reading the clipboard: allow it, or press Ctrl+V instead.', { cause });
  });
  for (const item of items) {
    const type = item.types.find((each) => each.startsWith('image/'));
    if (type !== undefined) return new File([await item.getType(type)], `pasted.${type.slice('image/'.length)}`, { type });
  }
  for (const item of items) {
    if (item.types.includes('text/plain')) return (await item.getType('text/plain')).text();
  }
  throw new Error('Expected an image in the clipboard, found none: copy a picture first.');
}

function startDrop(): void {
  const target = el('drop');
  // Entering a child comes before leaving its parent, so a count tells when the page is left.
  let inside = 0;
  const TAKEN = ['Files', 'text/uri-list'];
  const taken = (event: DragEvent): boolean => TAKEN.some((type) => event.dataTransfer?.types.includes(type));
  const over = (value: number): void => {
    inside = value;
    target.hidden = inside <= 0;
  };
  document.addEventListener('dragenter', (event) => {
    if (taken(event)) over(inside + 1);
  });
  document.addEventListener('dragleave', (event) => {
    if (taken(event)) over(inside - 1);
  });
  document.addEventListener('dragover', (event) => {
    if (!taken(event)) return;
    event.preventDefault();
    event.dataTransfer!.dropEffect = 'copy';
  });
  document.addEventListener('drop', (event) => {
    over(0);
    if (!taken(event)) return;
    event.preventDefault();
    const found = event.dataTransfer?.files[0] ?? event.dataTransfer?.getData('URL');
    if (found) take(found);
  });
}
