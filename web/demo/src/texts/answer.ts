// Shows what the model says of a text.
import { el, make, say } from '../dom.js';
import { percent } from '../text.js';

/** A line of the answer: how full its bar is, and what stands after it. */
export interface Row {
  label: string;
  share: number;
  value: string;
}

/** Shows the rows, the first of them in large. */
export function showRows(rows: Row[]): void {
  say('answer', rows[0]?.label ?? '…');
  el('top').replaceChildren(...rows.slice(0, 5).map(({ label, share, value }) => {
    const fill = make('span', { className: 'fill' });
    fill.style.width = `${100 * Math.max(0, share)}%`;
    const bar = make('span', { className: 'bar' }, fill);
    bar.ariaHidden = 'true';
    return make('li', {}, make('span', { className: 'label', title: label }, label), bar, make('span', { className: 'percent' }, value));
  }));
  const [first] = rows;
  say('spoken', first === undefined ? '' : `${first.label}, ${first.value}.`);
}

/** A probability as a row. */
export function classRow(label: string, probability: number): Row {
  return { label, share: probability, value: percent(probability) };
}

/** Shows the digest beside the native one, if that is known. */
export function showDigests(here: string | null, native: string | null): void {
  say('digest-here', here ?? '…');
  say('digest-native', native ?? 'not known for this text');
  const verdict = here === null || native === null ? 'none' : here === native ? 'equal' : 'different';
  el('verdict').dataset.verdict = verdict;
  say('verdict', here === null ? 'No text is on show.' : SAID[verdict]);
}

const SAID = {
  equal: 'Equal: this browser computed the same bits as the native command.',
  different: 'Different: these ought to be equal. Please report it, with the text and the model.',
  none: 'Run the command below: it prints the same digest.',
};
