// Text to the clipboard, with a word on the button that copied it.
import { el } from './dom.js';
import { done, warn } from './notices.js';

/** Copies, and says so on the button and in a note. */
export async function copy(id: string, text: string, told = 'Copied.'): Promise<void> {
  const button = el(id);
  const before = (button.dataset.label ??= button.textContent ?? '');
  try {
    await navigator.clipboard.writeText(text);
    done(told);
    button.textContent = 'Copied';
    setTimeout(() => (button.textContent = before), 2000);
  } catch {
    warn('The browser did not allow copying: allow it for this page, or open the page by https.');
  }
}
