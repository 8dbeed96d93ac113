// What is drawn: strokes of a brush, dark on white.
import { context2d } from './dom.js';

/** A point of the canvas. */
export interface Point {
  x: number;
  y: number;
}

/** A line that one press of the pen drew. */
interface Stroke {
  width: number;
  points: Point[];
}

const PAPER = '#ffffff';
const INK = '#101010';

/** A drawing on a canvas. */
export class Drawing {
  readonly #canvas: HTMLCanvasElement;
  readonly #strokes: Stroke[] = [];

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
    this.#draw();
  }

  /** How many strokes there are. */
  get strokes(): number {
    return this.#strokes.length;
  }

  /** Sets the pen down. */
  begin(at: Point, width: number): void {
    this.#strokes.push({ width, points: [at] });
    this.#draw();
  }

  /** Moves the pen that is down. */
  extend(points: Point[]): void {
    const stroke = this.#strokes.at(-1);
    if (stroke === undefined || points.length === 0) return;
    stroke.points.push(...points);
    this.#draw();
  }

  /** Takes the last stroke back. */
  undo(): void {
    this.#strokes.pop();
    this.#draw();
  }

  /** Takes all strokes back. */
  clear(): void {
    this.#strokes.length = 0;
    this.#draw();
  }

  /** All anew, so that edges do not darken where a line is drawn over itself. */
  #draw(): void {
    const context = context2d(this.#canvas);
    context.fillStyle = PAPER;
    context.fillRect(0, 0, this.#canvas.width, this.#canvas.height);
    context.strokeStyle = INK;
    context.lineCap = 'round';
    context.lineJoin = 'round';
    for (const { width, points } of this.#strokes) {
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
}
