// Saves what was classified, and says where the model is to be had, so that the native command can have the same.
import { el, make, press, say } from './dom.js';
import { command, imageFile, modelFile } from './command.js';
import { copy } from './clipboard.js';
import { warn } from './notices.js';
import { png } from './png.js';
import { modelChanged, now, outcomeChanged, type Loaded, type Outcome } from './state.js';

/** Makes the buttons work and keeps the command up to date. */
export function startSave(): void {
  press('save', () => {
    if (now.outcome !== null) void save(now.outcome).catch((error: Error) => warn(error.message));
  });
  press('copy-command', () => void copy('copy-command', el('command').textContent ?? ''));
  modelChanged.on((loaded) => {
    offer(loaded);
    say('command', command(loaded, now.outcome));
  });
  outcomeChanged.on((outcome) => {
    for (const id of ['save', 'copy-command']) el<HTMLButtonElement>(id).disabled = outcome === null;
    say('command', command(now.loaded, outcome));
  });
}

/** The model as a file, unless the visitor has that. */
function offer(loaded: Loaded): void {
  const link = el<HTMLAnchorElement>('save-model');
  link.hidden = typeof loaded.source !== 'string';
  // The shipped model is fetched packed, and its name is the address of the file itself.
  if (!link.hidden) Object.assign(link, { href: loaded.name, download: modelFile(loaded) });
  const what = link.hidden ? 'save the image beside your model' : 'save both into one folder';
  say('command-help', `To see it for yourself, ${what} and run there:`);
}

/** The pixels that were classified: the native command makes the same digest of them. */
async function save(outcome: Outcome): Promise<void> {
  const { pixels } = outcome.result;
  if (pixels === null) throw new Error('The pixels of this image are not there any more: show it again, then save it.');
  const link = make('a', { href: URL.createObjectURL(await png(pixels)), download: imageFile(outcome) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
