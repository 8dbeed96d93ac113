// The samples: images whose native digest is known.
import { el, make } from './dom.js';
import { show } from './run.js';
import { complain, now, outcomeChanged, type Native, type Outcome } from './state.js';

/** Makes the buttons. */
export function startSamples({ images }: Native): void {
  const buttons = images.map((sample) => {
    const image = make('img', { loading: 'lazy', src: sample.file, alt: sample.label, width: 64, height: 64, draggable: false });
    const button = make('button', { type: 'button', title: `Sample ${sample.label}` }, image);
    button.ariaPressed = 'false';
    button.addEventListener('click', () => void showSample(sample).catch(complain));
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

/** Classifies the first sample; its pixels came with its digest, so that no decoder has to come before the first answer. */
export async function showFirst({ images, first }: Native): Promise<void> {
  const sample = images[0];
  if (sample === undefined) return;
  if (first?.file !== sample.file) return showSample(sample);
  const rgba = Uint8ClampedArray.from(atob(first.rgba), (character) => character.charCodeAt(0));
  const image = new ImageData(rgba, first.width, first.height);
  await show({ kind: 'sample', name: sample.file, image, native: sample.digest });
}

/** Classifies the file itself, so that its pixels are those of the native command. */
export async function showSample(sample: Native['images'][number]): Promise<void> {
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
