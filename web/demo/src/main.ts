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
import { showSample, startSamples } from './samples.js';
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
modelChanged.on(() => {
  if (!first || now.native === null) return;
  first = false;
  startSamples(now.native);
  // What the visitor drew or dropped while the model was loading comes first.
  const sample = now.native.images[0];
  if (sample !== undefined && !waits()) void showSample(sample).catch(complain);
});

await loadShipped();
startOffline();
