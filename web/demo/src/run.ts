// Classifies what is on show: one image in flight, and of those that wait the latest wins.
import { RuntimeError, type ImageClassifier } from './intformer/index.js';
import { giveUp, reload } from './load.js';
import { complain } from './notices.js';
import { setRunning } from './phase.js';
import { settled, underWay } from './standing.js';
import { modelChanged, now, outcomeChanged, type Shown } from './state.js';

/** An image that waits for its turn. */
interface Turn {
  shown: Shown;
  done: () => void;
}

let waiting: Turn | null = null;
let running = false;
/** What is with the model, unless nobody wants the answer any more. */
let flying: Shown | null = null;
/** Whether the model was loaded again since its last answer, because its runtime had stopped. */
let revived = false;
/** Counts what was shown, so that a late answer for what is gone is not shown. */
let generation = 0;

/** Shows an image to the model. Settles when it was answered, refused, or overtaken by a later one. */
export function show(shown: Shown): Promise<void> {
  waiting?.done();
  return new Promise((done) => {
    waiting = { shown, done };
    void run();
  });
}

/** Forgets what is on show. */
export function forget(): void {
  generation += 1;
  waiting?.done();
  waiting = flying = null;
  now.outcome = null;
  outcomeChanged.tell(null);
}

/** An image of this kind that waits for its turn is not wanted any more. */
export function withdraw(kind: Shown['kind']): void {
  if (flying?.kind === kind) flying = null;
  if (waiting?.shown.kind !== kind) return;
  waiting.done();
  waiting = null;
}

/** Shows the same image again, as when the model changed; one that is on its way is later and comes first. */
export function again(): void {
  if (waiting === null && flying === null && now.outcome !== null) void show(now.outcome.shown);
}

/** Whether an image is on its way to the model. */
export function waits(): boolean {
  return running || waiting !== null;
}

async function run(): Promise<void> {
  if (running || waiting === null || now.loaded === null) return;
  setRunning((running = true));
  let refused = false;
  while (waiting !== null && now.loaded !== null) {
    const { shown, done }: Turn = waiting;
    const classifier: ImageClassifier = now.loaded.classifier;
    const mine = generation;
    const current = (): boolean => mine === generation && now.loaded?.classifier === classifier;
    waiting = null;
    flying = shown;
    let error: unknown = null;
    refused = false;
    underWay();
    try {
      const result = await classifier.classify(shown.image, { keepPixels: true });
      if (current()) {
        revived = false;
        now.outcome = { shown, result };
        outcomeChanged.tell(now.outcome);
      }
    } catch (thrown) {
      error = thrown;
    }
    const stopped = error instanceof RuntimeError && current();
    // What another model answered belongs to nothing on the page: the one that is there now is asked.
    if (flying !== null && waiting === null && (stopped ? !revived : !current())) waiting = { shown, done };
    else done();
    flying = null;
    if (!stopped) {
      refused = error !== null && current();
      if (refused) complain(error);
    } else if (revived) {
      refused = true;
      giveUp(error);
    } else {
      revived = true;
      await reload();
    }
  }
  setRunning((running = false));
  // Nobody wants the last answer any more.
  if (!refused && now.loaded !== null) settled();
}

/** What was asked for before a model was there has its turn when there is one. */
export function startRuns(): void {
  modelChanged.on(() => void run());
}
