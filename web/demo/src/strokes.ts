// What is drawn: strokes of a brush, dark on white.
import { context2d } from './dom.js';

/** A point of the canvas. */
export interface Point {
  x: number;
  y: number;
}

/** A line that one press of the pen drew. */
export interface Stroke {
  width: number;
  points: Point[];
}

/** Side of a drawing in pixels. */
export const SIDE = 280;
/** Points lie on a grid of so many steps a pixel, so that a link to a drawing holds all of it. */
export const STEPS = 4;

const PAPER = '#ffffff';
const INK = '#101010';

/** Paints strokes, all anew, so that edges do not darken where a line is drawn over itself. */
export function paint(canvas: HTMLCanvasElement, strokes: Stroke[]): void {
  const context = context2d(canvas);
  context.fillStyle = PAPER;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.strokeStyle = INK;
  context.lineCap = 'round';
  context.lineJoin = 'round';
  for (const { width, points } of strokes) {
    const [start, ...rest] = points as [Point, ...Point[]];
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(start.x, start.y);
    // A line without length draws a dot.
    context.lineTo(start.x, start.y);
    for (const { x, y } of rest) context.lineTo(x, y);
    context.stroke();
  }
}

/** A drawing on a canvas. */
export class Drawing {
  readonly #canvas: HTMLCanvasElement;
  #strokes: Stroke[] = [];

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
    this.#paint();
  }

  /** The strokes, the first one first. */
  get strokes(): Stroke[] {
    return this.#strokes;
  }

  /** Puts other strokes in the place of these. */
  set strokes(strokes: Stroke[]) {
    this.#strokes = strokes;
    this.#paint();
  }

  /** Sets the pen down. */
  begin(at: Point, width: number): void {
    this.#strokes.push({ width, points: [onGrid(at)] });
    this.#paint();
  }

  /** Moves the pen that is down. */
  extend(points: Point[]): void {
    const stroke = this.#strokes.at(-1);
    if (stroke === undefined || points.length === 0) return;
    for (const point of points.map(onGrid)) {
      const { x, y } = stroke.points.at(-1)!;
      if (x !== point.x || y !== point.y) stroke.points.push(point);
    }
    this.#paint();
  }

  /** Takes the last stroke back. */
  undo(): void {
    this.strokes = this.#strokes.slice(0, -1);
  }

  /** Takes all strokes back. */
  clear(): void {
    this.strokes = [];
  }

  #paint(): void {
    paint(this.#canvas, this.#strokes);
  }
}

/** The nearest point of the grid, not further from the drawing than its side. */
function onGrid({ x, y }: Point): Point {
  const near = (value: number): number => Math.round(Math.min(2 * SIDE, Math.max(-SIDE, value)) * STEPS) / STEPS;
  return { x: near(x), y: near(y) };
}
