// Messages, which lie over the page and move nothing: what went wrong, what is under way, what was done.
import { el, press, say } from './dom.js';
import { failed, settled } from './standing.js';

/** Milliseconds that a note of something done stays. */
const STAYS = 10_000;

let timer: ReturnType<typeof setTimeout> | undefined;

/** Makes the buttons that close messages work. */
export function startNotices(): void {
  press('dismiss', () => {
    clearAlert();
    settled();
  });
  press('later', () => (el('update').hidden = true));
}

/** Says what is under way, until something else is said; nothing, if there is no text. */
export function note(text: string): void {
  clearTimeout(timer);
  say('note', text);
}

/** Says what was done; goes by itself. */
export function done(text: string, milliseconds = STAYS): void {
  note(text);
  timer = setTimeout(() => say('note', ''), milliseconds);
}

/**
 * Shows an error: the errors of the package are sentences for people. What was aborted on purpose is none. The answer
 * on show is that to something before.
 */
export function complain(error: unknown): void {
  if (error instanceof DOMException && error.name === 'AbortError') return settled();
  warn(error instanceof Error ? error.message : String(error));
  failed();
}

/** Shows an error that leaves the answer as good as it was. */
export function warn(text: string): void {
  say('alert', text);
}

/** The visitor went on: what went wrong before is of no interest any more. */
export function clearAlert(): void {
  say('alert', '');
}
