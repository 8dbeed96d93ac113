// What the model sees: the answer, the five likeliest classes, the image, and the same for a screen reader.
import { context2d, el, make, say } from './dom.js';
import { explained, label } from './labels.js';
import { now, outcomeChanged, type Outcome } from './state.js';
import { percent } from './text.js';
import type { Classification } from './intformer/index.js';

/** Starts showing results. */
export function startResult(): void {
  outcomeChanged.on((outcome) => {
    showClasses(outcome);
    say('explain', outcome === null ? '' : explain(outcome));
    speak(outcome);
    void showPreview(outcome?.result.pixels ?? null);
    if (outcome !== null) el('result').dataset.runs = String(Number(el('result').dataset.runs ?? 0) + 1);
  });
}

/** The names of the likeliest classes with the model that is loaded. */
export function named(outcome: Outcome): { label: string; probability: number }[] {
  return outcome.result.classes.map(({ index, probability }) => ({ label: label(index, labels()), probability }));
}

/** What is said in the place of a name. */
export function headline(outcome: Outcome): string {
  return outcome.result.hint === null ? (named(outcome)[0]?.label ?? '…') : 'Probably none of these';
}

function labels(): string[] {
  return now.loaded?.classifier.model.labels ?? [];
}

function showClasses(outcome: Outcome | null): void {
  const classes = outcome === null ? [] : named(outcome);
  say('answer', outcome === null ? '…' : headline(outcome));
  const list = el('top');
  // Rows are kept, so that bars grow and shrink.
  while (list.children.length > classes.length) list.lastChild?.remove();
  while (list.children.length < classes.length) list.append(row());
  classes.forEach((each, at) => {
    const [name, bar, share] = list.children[at]!.children as unknown as [HTMLElement, HTMLElement, HTMLElement];
    name.textContent = each.label;
    (bar.firstChild as HTMLElement).style.width = `${100 * each.probability}%`;
    share.textContent = percent(each.probability);
  });
}

/** What there is to know of the image and of the class that is named. */
function explain({ result }: Outcome): string {
  const [first] = result.classes;
  const about = first === undefined || result.hint !== null ? '' : explained(first.index, labels());
  return [...result.notes, about].filter((sentence) => sentence !== '').join(' ');
}

function row(): HTMLLIElement {
  const bar = make('span', { className: 'bar' }, make('span', { className: 'fill' }));
  bar.ariaHidden = 'true';
  return make('li', {}, make('span', { className: 'label' }), bar, make('span', { className: 'percent' }));
}

let speaking: ReturnType<typeof setTimeout> | undefined;
let spoken = -Infinity;

/** A second after the last change, so that nothing is said while somebody draws; of a webcam, every new name. */
function speak(outcome: Outcome | null): void {
  clearTimeout(speaking);
  if (outcome === null) return;
  const [first, second] = named(outcome);
  if (first === undefined) return;
  if (outcome.shown.kind === 'camera') {
    const text = `Webcam: ${headline(outcome)}.`;
    if (performance.now() - spoken < 1000 || el('spoken').textContent === text) return;
    spoken = performance.now();
    say('spoken', text);
    return;
  }
  const { hint } = outcome.result;
  const then = second === undefined ? '' : `; then ${second.label}, ${percent(second.probability)}`;
  const answer = hint === null ? `${first.label}, ${percent(first.probability)}${then}.` : `${headline(outcome)}. ${hint.message}`;
  const text = `${outcome.shown.name}: ${answer}`;
  speaking = setTimeout(() => say('spoken', text), 1000);
}

let drawn = 0;

/** Draws the pixels that were classified, whole and centred. */
async function showPreview(pixels: Classification['pixels']): Promise<void> {
  const turn = (drawn += 1);
  const canvas = el<HTMLCanvasElement>('preview');
  const context = context2d(canvas);
  const bitmap = pixels === null ? null : await createImageBitmap(new ImageData(pixels.data, pixels.width, pixels.height));
  if (turn === drawn) {
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (bitmap !== null) {
      const scale = Math.min(canvas.width / bitmap.width, canvas.height / bitmap.height);
      const [width, height] = [bitmap.width * scale, bitmap.height * scale];
      context.imageSmoothingEnabled = scale < 1;
      context.imageSmoothingQuality = 'high';
      context.drawImage(bitmap, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
    }
  }
  bitmap?.close();
}
