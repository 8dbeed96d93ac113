// A model's place on the page.
import { make } from '../dom.js';
import { count, percent, size, time } from '../text.js';
import { paint, shares } from './paint.js';
import type { ImageSegmenter, RawImage, Segmentation } from '../intformer/index.js';
import type { NativeModel } from './native.js';

const TITLES = { whole: 'The whole model', pruned: 'The pruned model' };

const SAID = {
  equal: 'Equal: this browser computed the same bits as the native command.',
  different: 'Different: these ought to be equal. Please report it, with the image and the model.',
  none: 'The native command was not asked about this picture.',
};

/** A model, what is shown of it, and its last answer. */
export class Column {
  readonly of: ImageSegmenter;
  readonly element: HTMLElement;
  answer: Segmentation | null = null;
  readonly #name: NativeModel['name'];
  readonly #canvas = make('canvas', { width: 64, height: 64 });
  readonly #found = make('p', { className: 'help' });
  readonly #time = make('dd', {}, '…');
  readonly #digest = make('code', {}, '…');
  readonly #verdict = make('p', { className: 'verdict' });

  constructor(of: ImageSegmenter, { name, model: file }: NativeModel) {
    this.of = of;
    this.#name = name;
    this.#canvas.role = 'img';
    const row = (term: string, fact: Node | string, className = ''): HTMLElement => make('div', { className }, make('dt', {}, term), make('dd', {}, fact));
    const link = make('a', { href: file, download: '' }, file.split('/').pop()!);
    const { macs, parameters, weightBytes } = of.model;
    this.element = make(
      'section', {},
      make('h3', {}, TITLES[name]),
      this.#canvas,
      this.#found,
      make(
        'dl', { className: 'figures' },
        make('div', {}, make('dt', {}, 'This run'), this.#time),
        row('Multiply-adds', `${(macs / 1e6).toFixed(2)} million`),
        row('Parameters', count(parameters)),
        row('Weights', size(weightBytes)),
        row('File', link, 'whole'),
        row('Digest', this.#digest, 'whole'),
      ),
      this.#verdict,
    );
    this.#verdict.dataset.verdict = 'none';
  }

  /** Shows an answer to a picture, whose native digest may be known. */
  show(answer: Segmentation, picture: RawImage, native: string | null, overlay: boolean): void {
    this.answer = answer;
    this.paint(picture, overlay);
    this.#time.textContent = time(answer.times.run);
    this.#digest.textContent = answer.digest;
    const verdict = native === null ? 'none' : native === answer.digest ? 'equal' : 'different';
    this.#verdict.dataset.verdict = verdict;
    this.#verdict.textContent = SAID[verdict];
    this.#found.textContent = this.words;
    this.#canvas.ariaLabel = `${TITLES[this.#name]}: ${this.words}`;
  }

  /** The classes that it found, in words. */
  get words(): string {
    const { labels } = this.of.model;
    const found = this.answer === null ? [] : shares(this.answer.mask).slice(0, 4);
    return found.map(([index, share]) => `${labels[index] ?? `class ${index}`} ${percent(share)}`).join(', ');
  }

  paint(picture: RawImage, overlay: boolean): void {
    if (this.answer !== null) paint(this.#canvas, picture, this.answer, overlay);
  }
}
