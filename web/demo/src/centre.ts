// A drawing laid out as the images that the glyph model learned from.
import { SIDE, type Stroke } from './strokes.js';

/** Height of a character as a share of the side: in training a capital takes 50 to 80 % of it. */
const HEIGHT = 0.65;
/** Width at most: in training at least 2 of 32 pixels stay free at each edge. */
const WIDTH = 28 / 32;
/** How much a drawing is enlarged at most, so that a dot stays one. */
const LARGEST = 3;

/** The strokes in the middle and as high as a character in training. The brush stays as it is, as bold as a font is. */
export function centred(strokes: Stroke[]): Stroke[] {
  const points = strokes.flatMap((stroke) => stroke.points);
  if (points.length === 0) return [];
  const span = (values: number[]): { middle: number; extent: number } => {
    const [least, most] = values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
    return { middle: (least! + most!) / 2, extent: most! - least! };
  };
  const [across, down] = [span(points.map(({ x }) => x)), span(points.map(({ y }) => y))];
  const brush = Math.max(...strokes.map(({ width }) => width));
  const scale = Math.min(LARGEST, (SIDE * WIDTH - brush) / across.extent, (SIDE * HEIGHT - brush) / down.extent);
  return strokes.map(({ width, points }) => ({
    width,
    points: points.map(({ x, y }) => ({
      x: SIDE / 2 + (x - across.middle) * scale,
      y: SIDE / 2 + (y - down.middle) * scale,
    })),
  }));
}
