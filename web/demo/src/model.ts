// The visitor's own model, by file or address, and what is known of the one that is loaded.
import { el, make, press } from './dom.js';
import { forgetLinked } from './address.js';
import { loadOther, loadShippedAgain } from './load.js';
import { done, note } from './notices.js';
import { forgetOwn, keepOwn } from './own.js';
import { long } from './phase.js';
import { again } from './run.js';
import { modelChanged } from './state.js';
import { count, size } from './text.js';
import type { ModelInfo } from './intformer/index.js';

/** Whether a file is called as models are; those of other programs as well, so that the package says what they are. */
export const isModelName = (name: string): boolean => /\.(safetensors(\.gz)?|pth?|ckpt|bin|onnx|gguf|h5|tflite)$/i.test(name);

/** Makes the buttons and the form work. */
export function startModel(): void {
  const input = el<HTMLInputElement>('model-file');
  press('pick-model', () => input.click());
  input.addEventListener('change', () => {
    const file = input.files?.[0];
    if (file !== undefined) void openModel(file, file.name);
    input.value = '';
  });
  el('model-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const text = el<HTMLInputElement>('model-url').value.trim();
    if (text !== '') void openModel(text, text);
  });
  press('shipped', () => void long(async () => {
    // At the next visit too.
    await forgetOwn();
    forgetLinked();
    await loadShippedAgain();
  }, true));
  modelChanged.on(({ classifier, name, shipped }) => {
    el('shipped').hidden = shipped;
    describe(classifier.model, name);
    again();
  });
}

/** Loads a model in place of the one that is there, and at the next visit; if it is refused, that one stays. */
export async function openModel(source: File | string, name: string): Promise<void> {
  if (el<HTMLButtonElement>('pick-model').disabled) return;
  const cancel = el('cancel');
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  cancel.addEventListener('click', abort, { once: true });
  cancel.hidden = false;
  await long(async () => {
    note(`Loading ${name}`);
    try {
      await loadOther(source, name, stop.signal);
    } finally {
      note('');
      cancel.hidden = true;
      cancel.removeEventListener('click', abort);
    }
    await keepOwn({ source, name }).catch((error: Error) => done(`At the next visit ${name} has to be opened again. ${error.message}`));
    forgetLinked();
  }, true);
}

function describe(model: ModelInfo, name: string): void {
  const [height, width] = model.imageSize ?? [0, 0];
  const { calibration } = model.provenance;
  const rows: [string, string | Node][] = [
    ['Model', name],
    ['Kind', `${model.architecture}, ${model.activation}, in integers`],
    ['Images', `${width} × ${height}, ${model.channels === 1 ? 'grey' : 'colour'}`],
    ['Classes', model.labels.length === 0 ? `${count(model.classes)}, without names` : count(model.classes)],
    ['Parameters', count(model.parameters)],
    ['Multiplications an image', count(model.macs)],
    ['Weights', size(model.weightBytes)],
    ['Between layers', size(model.arenaBytes)],
    ['Steps an image', count(model.dispatches)],
    ['Format', `version ${model.formatVersion}`],
    ...(typeof calibration === 'string' ? [['Calibrated', calibration] as [string, string]] : []),
    ['Digest of the file', make('code', {}, model.digest)],
  ];
  el('model-info').replaceChildren(...rows.map(([term, value]) => make('div', {}, make('dt', {}, term), make('dd', {}, value))));
}
