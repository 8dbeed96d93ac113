// The digest computed here beside the native one, and the result to take away.
import { copy } from './clipboard.js';
import { el, press, say } from './dom.js';
import { headline, named } from './result.js';
import { now, outcomeChanged, type Outcome } from './state.js';
import { expected, verdict } from './verdict.js';

/** Keeps the digests up to date and makes the button work. */
export function startDigest(): void {
  outcomeChanged.on((outcome) => {
    el<HTMLButtonElement>('share').disabled = outcome === null;
    say('digest-here', outcome?.result.digest ?? '…');
    say('digest-native', (outcome === null ? null : expected(outcome)) ?? 'not known for this image');
    const found = outcome === null ? 'none' : verdict(outcome);
    el('verdict').dataset.verdict = found;
    say('verdict', outcome === null ? 'No image is on show.' : SAID[found]);
  });
  press('share', () => {
    if (now.outcome !== null) void copy('share', JSON.stringify(summary(now.outcome), null, 2));
  });
}

const SAID = {
  equal: 'Equal: this browser computed the same bits as the native command.',
  different: 'Different: these ought to be equal. Please report it, with this result as JSON.',
  none: 'Save the image and run the command below on it: it prints the same digest.',
};

/** What a result is, for a report or a colleague. */
function summary(outcome: Outcome): object {
  const classifier = now.loaded?.classifier;
  const { result, shown } = outcome;
  return {
    image: shown.name,
    label: headline(outcome),
    top: named(outcome),
    hint: result.hint,
    notes: result.notes,
    digest: result.digest,
    exact: result.exact,
    native: expected(outcome),
    model: { name: now.loaded?.name ?? null, digest: classifier?.model.digest ?? null },
    executor: result.executor,
    adapter: classifier?.adapter ?? null,
    times: { run: result.times, cold: classifier?.times ?? null },
    userAgent: navigator.userAgent,
  };
}
