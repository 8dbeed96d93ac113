// The samples: images whose native digest is known.
import { el, make } from './dom.js';
import { clearAlert, complain } from './notices.js';
import { show } from './run.js';
import { now, outcomeChanged, type Native, type Outcome } from './state.js';

type Sample = Native['images'][number];

/** Makes the buttons. */
export function startSamples({ images }: Native): void {
  const buttons = images.map((sample) => {
    const image = make('img', { loading: 'lazy', src: sample.file, alt: sample.label, width: 64, height: 64, draggable: false });
    const button = make('button', { type: 'button', title: `Sample ${sample.label}` }, image);
    button.ariaPressed = 'false';
    button.addEventListener('click', () => {
      clearAlert();
      void showSample(sample).catch(complain);
    });
    return button;
  });
  el('samples').replaceChildren(...buttons.map((button) => make('li', {}, button)));
  const mark = (outcome: Outcome | null): void => {
    buttons.forEach((button, at) => {
      button.ariaPressed = String(outcome?.shown.kind === 'sample' && outcome.shown.name === images[at]!.file);
    });
  };
  mark(now.outcome);
  outcomeChanged.on(mark);
}

/** The name of a sample in a link: of its file without folder and ending. */
export function sampleName(file: string): string {
  return file.replace(/^.*\//, '').replace(/\.[^.]*$/, '');
}

/** Shows the sample of a name, or the one that a visit starts with. */
export async function startWith({ images, first }: Native, name: string | null): Promise<void> {
  const named = images.find(({ file }) => sampleName(file) === name);
  const sample = named ?? images.find(({ file }) => file === first?.file) ?? images[0];
  if (sample !== undefined && first?.file === sample.file) await showPixels(sample, first);
  else if (sample !== undefined) await showSample(sample);
  if (name !== null && named === undefined) {
    throw new Error(`Expected one of the samples ${images.map(({ file }) => sampleName(file)).join(', ')}; the link asks for ${name}.`);
  }
}

/** Classifies a sample whose pixels came with its digest, so that no decoder has to come before the first answer. */
async function showPixels(sample: Sample, { rgba, width, height }: NonNullable<Native['first']>): Promise<void> {
  const data = Uint8ClampedArray.from(atob(rgba), (character) => character.charCodeAt(0));
  const image = new ImageData(data, width, height);
  await show({ kind: 'sample', name: sample.file, image, native: sample.digest });
}

/** Classifies the file itself, so that its pixels are those of the native command. */
async function showSample(sample: Sample): Promise<void> {
  await show({ kind: 'sample', name: sample.file, image: await file(sample.file), native: sample.digest });
}

/** All samples as files. */
export function sampleFiles(): Promise<Blob[]> {
  return Promise.all((now.native?.images ?? []).map((sample) => file(sample.file)));
}

async function file(address: string): Promise<Blob> {
  const answer = await fetch(address).catch((cause: unknown) => {
    throw new Error(`The sample ${address} cannot be fetched: check the connection.`, { cause });
  });
  if (!answer.ok) throw new Error(`The sample ${address} cannot be fetched: the server answered ${answer.status}.`);
  return answer.blob();
}
