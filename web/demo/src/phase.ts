// The phase of the page, and what takes long: one thing at a time.
import { el, say } from './dom.js';
import { clearAlert, complain, note } from './notices.js';
import { underWay } from './standing.js';
import { now } from './state.js';

/** `loading`: no model yet; `busy`: works, and something longer is under way; `error`: no model could be loaded. */
export type Phase = 'loading' | 'ready' | 'busy' | 'error';

/** Buttons that start something long. */
const LONG = ['executors', 'compare', 'pick-model', 'shipped', 'model-load', 'clear-cache', 'retry'];

let phase: Phase = 'loading';
let running = false;

/** Sets the phase, for the style sheet and for tests. */
export function setPhase(next: Phase): void {
  phase = next;
  write();
  const busy = phase === 'busy' || phase === 'loading';
  for (const id of LONG) {
    const needsModel = id === 'executors' || id === 'compare';
    const target = el<HTMLButtonElement | HTMLFieldSetElement>(id);
    target.disabled = busy || (needsModel && phase === 'error');
    target.ariaBusy = String(busy);
  }
  say('executor-busy', phase === 'busy' ? 'Busy' : '');
}

/** Says whether an image is being classified: busy for the eye, but nothing has to wait for it. */
export function setRunning(value: boolean): void {
  running = value;
  write();
}

function write(): void {
  document.documentElement.dataset.state = phase === 'ready' && running ? 'busy' : phase;
}

/**
 * Does something long that nothing else long may cross; what goes wrong is shown. The focus stays where it was.
 * `renews`: it ends with another answer.
 */
export async function long(work: () => Promise<void>, renews: boolean): Promise<void> {
  const focus = document.activeElement;
  clearAlert();
  note('');
  setPhase(now.loaded === null ? 'loading' : 'busy');
  if (renews) underWay();
  try {
    await work();
  } catch (error) {
    complain(error);
  } finally {
    setPhase(now.loaded === null ? 'error' : 'ready');
    if (focus instanceof HTMLElement && document.activeElement === document.body) focus.focus({ preventScroll: true });
  }
}
