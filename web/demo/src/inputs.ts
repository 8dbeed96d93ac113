// Images from outside: picked, dropped or pasted. A model that is dropped is loaded.
import { el, press } from './dom.js';
import { openModel } from './model.js';
import { show } from './run.js';
import { complain } from './state.js';

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
    if (file === undefined) return;
    event.preventDefault();
    take(file);
  });
  startDrop();
}

/** Shows an image file, or loads a model file. */
function take(file: File): void {
  if (/\.safetensors$/i.test(file.name)) void openModel(file, file.name);
  else void show({ kind: 'file', name: file.name, image: file, native: null });
}

async function pasted(): Promise<File> {
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
  throw new Error('Expected an image in the clipboard, found none: copy a picture first.');
}

function startDrop(): void {
  const target = el('drop');
  // Entering a child comes before leaving its parent, so a count tells when the page is left.
  let inside = 0;
  const files = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') === true;
  const over = (value: number): void => {
    inside = value;
    target.hidden = inside <= 0;
  };
  document.addEventListener('dragenter', (event) => {
    if (files(event)) over(inside + 1);
  });
  document.addEventListener('dragleave', (event) => {
    if (files(event)) over(inside - 1);
  });
  document.addEventListener('dragover', (event) => {
    if (!files(event)) return;
    event.preventDefault();
    event.dataTransfer!.dropEffect = 'copy';
  });
  document.addEventListener('drop', (event) => {
    over(0);
    if (!files(event)) return;
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file !== undefined) take(file);
  });
}
