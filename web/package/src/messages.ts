// What page and worker say to each other.
import type { Job, State, TextResult, Wanted } from './backend.js';
import type { Input } from './image.js';
import type { Classification, DeviceLoss, ExecutorChange, ExecutorName, Memory, ModelInfo, Progress, Segmentation } from './types.js';
import type { PlainError } from './wire.js';

/** What the page asks. One `load` comes first; `abort` ends it. */
export type Ask =
  | { ask: 'load'; job: Job }
  | { ask: 'classify'; inputs: Input[]; wanted: Wanted }
  | { ask: 'segment'; inputs: Input[]; keepPixels: boolean }
  | { ask: 'texts'; texts: string[]; top: number }
  | { ask: 'switch'; executor: ExecutorName }
  | { ask: 'memory' };

/** A message to the worker. */
export type ToWorker = { id: number; ask: Ask } | { abort: true } | { end: true };

/** The answers, by what was asked. */
export interface Answers {
  load: ModelInfo;
  classify: Classification[];
  segment: Segmentation[];
  texts: TextResult[];
  switch: null;
  memory: Memory;
}

/** A message from the worker. */
export type FromWorker =
  | { event: 'ready' }
  | { event: 'progress'; progress: Progress }
  | { event: 'moved'; change: ExecutorChange; state: State }
  | { event: 'lost'; loss: DeviceLoss; state: State }
  | { event: 'answer'; id: number; value: Answers[keyof Answers]; state: State }
  | { event: 'error'; id: number; error: PlainError; state: State | null };
