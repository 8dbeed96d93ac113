// Puts the page together.
import { startChart } from './chart.js';
import { startCompare } from './compare.js';
import { startDigest } from './digest.js';
import { startExecutor } from './executor.js';
import { startInputs } from './inputs.js';
import { startKept } from './kept.js';
import { loadShipped, startRetry } from './load.js';
import { startModel } from './model.js';
import { startOffline, watchVersion } from './offline.js';
import { startPad } from './pad.js';
import { startResult } from './result.js';
import { startRuns, waits } from './run.js';
import { showFirst, startSamples } from './samples.js';
import { complain, modelChanged, now } from './state.js';
import { startWebcam } from './webcam.js';

watchVersion();
startRuns();
startResult();
startDigest();
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
  if (!waits()) answered = showFirst(native).catch(complain);
  // Nothing more is fetched before the first answer.
  void answered.then(() => startSamples(native));
});

await loadShipped();
await answered;
startOffline();
