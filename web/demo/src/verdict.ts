// Whether the digest computed here is the one that the native command printed.
import { now, type Outcome } from './state.js';

/** The native digest, if it is known: it holds for the shipped model alone. */
export function expected({ shown }: Outcome): string | null {
  return now.loaded?.shipped === true ? shown.native : null;
}

/** `none` where the native digest is not known. */
export function verdict(outcome: Outcome): 'equal' | 'different' | 'none' {
  const native = expected(outcome);
  if (native === null) return 'none';
  return native === outcome.result.digest ? 'equal' : 'different';
}
