// Strokes as letters of an address and back. Each number takes as few bytes as it needs; points follow one another by
// what they are apart.
import { SIDE, STEPS, type Point, type Stroke } from './strokes.js';

const VERSION = 1;
/** More than a hand draws; a link that asks for more is none of ours. */
const MOST = 50_000;

/** A drawing, and whether it is centred for the model. */
export interface Packed {
  strokes: Stroke[];
  centre: boolean;
}

/** Packs a drawing. */
export function pack({ strokes, centre }: Packed): string {
  const bytes = [VERSION, Number(centre)];
  const write = (number: number): void => {
    for (; number > 127; number = Math.floor(number / 128)) bytes.push(128 + (number % 128));
    bytes.push(number);
  };
  const signed = (number: number): void => write(number < 0 ? -2 * number - 1 : 2 * number);
  for (const { width, points } of strokes) {
    write(width);
    write(points.length);
    let before: Point = { x: 0, y: 0 };
    for (const point of points) {
      signed((point.x - before.x) * STEPS);
      signed((point.y - before.y) * STEPS);
      before = point;
    }
  }
  const text = btoa(bytes.map((byte) => String.fromCharCode(byte)).join(''));
  return text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** Unpacks a drawing; null if the text is none. */
export function unpack(text: string): Packed | null {
  let bytes: number[];
  try {
    bytes = [...atob(text.replaceAll('-', '+').replaceAll('_', '/'))].map((letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
  let at = 2;
  const read = (): number => {
    for (let number = 0, worth = 1; worth < 2 ** 28; worth *= 128) {
      const byte = bytes[at++] ?? NaN;
      number += (byte % 128) * worth;
      if (!(byte > 127)) return number;
    }
    return NaN;
  };
  const signed = (): number => {
    const number = read();
    return number % 2 === 1 ? -(number + 1) / 2 : number / 2;
  };
  if (bytes[0] !== VERSION || bytes[1]! > 1) return null;
  const strokes: Stroke[] = [];
  let total = 0;
  while (at < bytes.length) {
    const [width, length] = [read(), read()];
    total += length;
    if (!(width >= 1 && width <= SIDE && length >= 1 && total <= MOST)) return null;
    const points: Point[] = [];
    let { x, y } = { x: 0, y: 0 };
    for (let point = 0; point < length; point += 1) {
      x += signed() / STEPS;
      y += signed() / STEPS;
      if (!(Math.abs(x) <= 2 * SIDE && Math.abs(y) <= 2 * SIDE)) return null;
      points.push({ x, y });
    }
    strokes.push({ width, points });
  }
  return strokes.length === 0 ? null : { strokes, centre: bytes[1] === 1 };
}
