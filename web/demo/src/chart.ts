// The last hundred runs on the executor that runs the model, as a line with their median; in words for whoever does
// not see it.
import { context2d, el, say } from './dom.js';
import { executorChanged, modelChanged, now, outcomeChanged } from './state.js';
import { executorName, time } from './text.js';
import type { ExecutorName } from './intformer/index.js';

const KEPT = 100;

/** A run that was timed. */
interface Run {
  executor: ExecutorName;
  milliseconds: number;
}

let all: Run[] = [];

/** The runs on the executor that runs the model now. */
function current(): Run[] {
  return all.filter((run) => run.executor === now.loaded?.classifier.executor).slice(-KEPT);
}

/** Starts recording and drawing. */
export function startChart(): void {
  outcomeChanged.on((outcome) => {
    if (outcome === null) return;
    const { executor, times } = outcome.result;
    all = [...all, { executor, milliseconds: times.run }].slice(-2 * KEPT);
    later();
  });
  // Times of another model say nothing about this one.
  let digest = '';
  modelChanged.on(({ classifier }) => {
    if (classifier.model.digest === digest) return;
    digest = classifier.model.digest;
    all = [];
    later();
  });
  executorChanged.on(later);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', later);
  new ResizeObserver(later).observe(el('chart'));
}

let due = false;

/** Draws before the next frame, once. */
function later(): void {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    const runs = current();
    draw(runs);
    say('chart-text', inWords(runs));
  });
}

/** Median, fastest, slowest and number. */
function inWords(runs: Run[]): string {
  const [first] = runs;
  if (first === undefined) return 'No runs yet.';
  const times = runs.map((run) => run.milliseconds);
  const number = times.length === 1 ? '1 run' : `${times.length} runs`;
  const least = time(Math.min(...times));
  return `${executorName(first.executor)}: ${number}, median ${time(median(times))}, fastest ${least}, slowest ${time(Math.max(...times))}.`;
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

function draw(runs: Run[]): void {
  const canvas = el<HTMLCanvasElement>('chart');
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = devicePixelRatio;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = context2d(canvas);
  context.scale(ratio, ratio);
  const style = getComputedStyle(canvas);
  const colour = (name: string): string => style.getPropertyValue(name).trim() || style.color;
  const most = axis(Math.max(1, ...runs.map((run) => run.milliseconds)));
  const [left, right, top, bottom] = [48, width - 4, 8, height - 8];
  const x = (at: number): number => left + ((right - left) * at) / (KEPT - 1);
  const y = (milliseconds: number): number => bottom - ((bottom - top) * milliseconds) / most;

  context.font = `12px ${style.fontFamily}`;
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  for (const value of [0, most / 2, most]) {
    context.fillStyle = colour('--muted');
    context.fillText(`${value} ms`, left - 6, y(value));
    line(context, colour('--line'), [[left, y(value)], [right, y(value)]]);
  }
  if (runs.length === 0) return;
  const middle = y(median(runs.map((run) => run.milliseconds)));
  context.setLineDash([4, 4]);
  line(context, colour('--chart-median'), [[left, middle], [right, middle]]);
  context.setLineDash([]);
  context.lineWidth = 1.5;
  line(context, colour('--chart-line'), runs.map((run, at) => [x(at), y(run.milliseconds)]));
  runs.forEach((run, at) => {
    context.beginPath();
    context.arc(x(at), y(run.milliseconds), 2, 0, 2 * Math.PI);
    context.fillStyle = colour('--chart-line');
    context.fill();
  });
}

/** The end of the axis: 1, 2 or 5 times a power of ten, at least `value`. */
function axis(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5].find((step) => step * power >= value) ?? 10) * power;
}

function line(context: CanvasRenderingContext2D, colour: string, points: [number, number][]): void {
  context.strokeStyle = colour;
  context.beginPath();
  for (const [x, y] of points) context.lineTo(x, y);
  context.stroke();
}
