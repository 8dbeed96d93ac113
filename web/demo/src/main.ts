// Puts the page together.
import { linkedDrawing, linkedModel, linkedSample } from './address.js';
import { startChart } from './chart.js';
import { startCompare } from './compare.js';
import { startDigest } from './digest.js';
import { startExecutor } from './executor.js';
import { startInputs } from './inputs.js';
import { startKept } from './kept.js';
import { startLink } from './link.js';
import { loadFirst, startRetry, type Before } from './load.js';
import { startModel } from './model.js';
import { complain, startNotices } from './notices.js';
import { startOffline, watchVersion } from './offline.js';
import { ownModel } from './own.js';
import { draw, startPad } from './pad.js';
import { startResult } from './result.js';
import { startRuns, waits } from './run.js';
import { startSamples, startWith } from './samples.js';
import { startSave } from './save.js';
import { startStanding } from './standing.js';
import { modelChanged, now } from './state.js';
import { startWebcam } from './webcam.js';

watchVersion();
startRuns();
startNotices();
startStanding();
startResult();
startDigest();
startSave();
startLink();
startExecutor();
startChart();
startKept();
startModel();
startPad();
startInputs();
startWebcam();
startCompare();
startRetry();

let first = true;
let answered = Promise.resolve();
modelChanged.on(() => {
  const { native } = now;
  if (!first || native === null) return;
  first = false;
  // What the visitor drew or dropped while the model was loading comes first.
  if (!waits()) answered = startWith(native, linkedSample()).catch(complain);
  // Nothing more is fetched before the first answer.
  void answered.then(() => startSamples(native));
});
drawLinked();
addEventListener('hashchange', drawLinked);

function drawLinked(): void {
  try {
    const drawing = linkedDrawing();
    if (drawing !== null) draw(drawing);
  } catch (error) {
    complain(error);
  }
}

await loadFirst(await before());
await answered;
startOffline();

/** What to try before the model that the page comes with: the one of the address, else the one opened last. */
async function before(): Promise<Before | null> {
  const model = linkedModel();
  if (model !== null) return { source: model, name: model, refusal: `The model of the link, ${model}, could not be loaded.` };
  const own = await ownModel().catch(() => null);
  return own === null ? null : { ...own, refusal: `Your model ${own.name}, opened at the last visit, could not be loaded.` };
}
