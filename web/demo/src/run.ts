// Classifies what is on show: one image in flight, and of those that wait the latest wins.
import type { Classifier } from './intformer/index.js';
import { clearAlert, complain, modelChanged, now, outcomeChanged, setRunning, type Shown } from './state.js';

let waiting: { shown: Shown; done: () => void } | null = null;
let running = false;
/** Counts what was shown, so that a late answer for what is gone is not shown. */
let generation = 0;

/** Shows an image to the model. Settles when it was answered, refused, or overtaken by a later one. */
export function show(shown: Shown): Promise<void> {
  clearAlert();
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
  waiting = null;
  now.outcome = null;
  outcomeChanged.tell(null);
}

/** Shows the same image again, as when the model changed. */
export function again(): void {
  if (waiting === null && now.outcome !== null) void show(now.outcome.shown);
}

/** Whether an image is on its way to the model. */
export function waits(): boolean {
  return running || waiting !== null;
}

async function run(): Promise<void> {
  if (running || waiting === null || now.loaded === null) return;
  setRunning((running = true));
  while (waiting !== null && now.loaded !== null) {
    const { shown, done } = waiting;
    const classifier: Classifier = now.loaded.classifier;
    const mine = generation;
    waiting = null;
    try {
      const result = await classifier.classify(shown.image);
      // An answer of a model that was replaced meanwhile belongs to nothing on the page.
      if (mine === generation && now.loaded?.classifier === classifier) {
        now.outcome = { shown, result, executor: classifier.executor };
        outcomeChanged.tell(now.outcome);
      }
    } catch (error) {
      if (mine === generation && now.loaded?.classifier === classifier) complain(error);
    }
    done();
  }
  setRunning((running = false));
}

/** What was asked for before a model was there has its turn when there is one. */
export function startRuns(): void {
  modelChanged.on(() => void run());
}
