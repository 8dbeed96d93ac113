// A link to what is on show: a sample by its name, a drawing by its strokes. A picture stays on the device.
import { copy } from './clipboard.js';
import { press } from './dom.js';
import { pack } from './pack.js';
import { drawn } from './pad.js';
import { sampleName } from './samples.js';
import { now } from './state.js';

/** Makes the button work. */
export function startLink(): void {
  press('copy-link', () => {
    const { address, told } = link();
    void copy('copy-link', address, told);
  });
}

/** The link, and what it holds. */
function link(): { address: string; told: string } {
  const address = new URL('./', location.href);
  const { loaded, outcome } = now;
  const told: string[] = [];
  if (loaded !== null && !loaded.shipped) {
    if (typeof loaded.source === 'string') address.searchParams.set('model', loaded.source);
    else told.push("Your own model stays on this device: the link opens the page's.");
  }
  const kind = outcome?.shown.kind ?? null;
  if (kind === 'sample') {
    address.searchParams.set('sample', sampleName(outcome!.shown.name));
    told.unshift('Copied a link to this sample.');
  } else if (kind === 'drawing') {
    address.hash = `draw=${pack(drawn())}`;
    told.unshift('Copied a link to this drawing.');
  } else if (kind === null) {
    told.unshift('Copied a link to this page.');
  } else {
    const what = address.searchParams.has('model') ? 'this page with the model' : 'this page';
    told.unshift(`Copied a link to ${what}, without the picture: a picture stays on this device. Samples and drawings can be linked.`);
  }
  return { address: address.href, told: told.join(' ') };
}
