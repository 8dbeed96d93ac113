// Puts the page together.
import { loadShipped, startRetry } from './load.js';
import { startResult } from './result.js';
import { startRuns } from './run.js';
import { showSample, startSamples } from './samples.js';
import { complain, modelChanged, now } from './state.js';

startRuns();
startResult();
startRetry();

let first = true;
modelChanged.on(() => {
  if (!first || now.native === null) return;
  first = false;
  startSamples(now.native);
  // What the visitor drew or dropped while the model was loading comes first.
  const sample = now.native.images[0];
  if (now.outcome === null && sample !== undefined) void showSample(sample).catch(complain);
});

await loadShipped();
