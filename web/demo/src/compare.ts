// All samples on both executors: are the digests equal, and equal to the native ones?
import { press, say } from './dom.js';
import { load, webgpuSupport, type ImageClassifier, type ExecutorName } from './intformer/index.js';
import { preparing } from './load.js';
import { long } from './phase.js';
import { sampleFiles } from './samples.js';
import { now, type Loaded } from './state.js';
import { executorName } from './text.js';

/** Makes the button work. */
export function startCompare(): void {
  press('compare', () => {
    if (now.loaded === null) return;
    const { loaded } = now;
    void long(() => compare(loaded), false);
  });
}

async function compare(loaded: Loaded): Promise<void> {
  say('comparison', `Comparing on ${executorName(loaded.classifier.executor)}`);
  const files = await sampleFiles();
  const mine = loaded.classifier.executor;
  const other: ExecutorName = mine === 'wasm' ? 'webgpu' : 'wasm';
  try {
    const found = new Map([[mine, await digests(loaded.classifier, files)]]);
    let refusal = '';
    try {
      say('comparison', other === 'wasm' ? 'Getting WASM ready' : preparing(await webgpuSupport()));
      const second = await load(loaded.source, { kind: 'image-classifier', executor: other, digest: loaded.classifier.model.digest });
      try {
        found.set(other, await digests(second, files));
      } finally {
        second.dispose();
      }
    } catch (error) {
      refusal = ` ${executorName(other)} did not take part: ${error instanceof Error ? error.message : String(error)}`;
    }
    say('comparison', verdict(loaded, found, files.length) + refusal);
  } catch (error) {
    say('comparison', '');
    throw error;
  }
}

async function digests(classifier: ImageClassifier, files: Blob[]): Promise<string[]> {
  const found = [];
  for (const file of files) found.push((await classifier.classify(file)).digest);
  return found;
}

/** Compares with the native digests where there are any, else the executors with each other. */
function verdict({ shipped }: Loaded, found: Map<ExecutorName, string[]>, images: number): string {
  const native = shipped ? (now.native?.images ?? []).map((image) => image.digest) : null;
  const lists = [...found.values()];
  const wanted = native ?? lists[0]!;
  // Without native digests, the first executor is what the others are compared with.
  const compared = native === null ? lists.slice(1) : lists;
  if (compared.length === 0) return `There is nothing to compare ${images} digests with.`;
  const equal = compared.flatMap((list) => list.filter((digest, at) => digest === wanted[at])).length;
  const where = [...found.keys()].map((name) => `on ${executorName(name)}`).join(' and ');
  const what = native === null ? 'This model has no native digests here; the executors were compared with each other.' : 'Compared with what the native command printed.';
  return `${equal} of ${compared.length * images} digests equal: ${images} images ${where}. ${what}`;
}
