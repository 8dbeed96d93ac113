// Whether the answer on show is that to the last image, said beside it: a former one looks old.
import { el, say } from './dom.js';
import { now, outcomeChanged } from './state.js';
import { verdict } from './verdict.js';

/** Milliseconds that an answer may take before the one on show is called the former. */
const PATIENCE = 250;

let timer: ReturnType<typeof setTimeout> | undefined;

/** Starts telling. */
export function startStanding(): void {
  outcomeChanged.on(settled);
}

/** Something began that will bring another answer. */
export function underWay(): void {
  timer ??= setTimeout(() => former('Former answer: the new one is under way.'), PATIENCE);
}

/** What was to bring another answer brought none. */
export function failed(): void {
  rest();
  former('Former answer: there is none for what came last.');
}

/** The answer on show is that to the last image. */
export function settled(): void {
  rest();
  const { outcome } = now;
  if (outcome === null) write('none', '');
  else if (outcome.result.hint !== null) write('doubtful', outcome.result.hint.message);
  else write('current', SAID[verdict(outcome)]);
}

const SAID = {
  equal: 'Equal to the native command',
  different: 'Different from the native command',
  none: 'To be compared with the native command',
};

function rest(): void {
  clearTimeout(timer);
  timer = undefined;
}

function former(text: string): void {
  if (now.outcome !== null) write('former', text);
}

function write(answer: 'none' | 'current' | 'doubtful' | 'former', text: string): void {
  el('result').dataset.answer = answer;
  el('standing').dataset.verdict = answer === 'current' && now.outcome !== null ? verdict(now.outcome) : 'none';
  say('standing', text);
}
