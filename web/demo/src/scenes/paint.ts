// Pictures with the colours of classes over them.
import { context2d } from '../dom.js';
import type { RawImage, Segmentation } from '../intformer/index.js';

/** How much of the colour is seen, of 1. */
const STRENGTH = 0.55;

/** The colour of a class, as masks of Pascal VOC are coloured: its bits from the lowest, spread over the highest of each channel. */
export function colour(index: number): [number, number, number] {
  const found: [number, number, number] = [0, 0, 0];
  for (let round = 0; round < 5; round += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      found[channel]! |= ((index >> (3 * round + channel)) & 1) << (7 - round);
    }
  }
  return found;
}

/** Shows a picture at the size of the mask, with the classes over it if that is wanted; the first class, the ground, is left as it is. */
export function paint(canvas: HTMLCanvasElement, picture: RawImage, { mask, width, height }: Segmentation, overlay: boolean): void {
  canvas.width = width;
  canvas.height = height;
  const context = context2d(canvas);
  const whole = new OffscreenCanvas(picture.width, picture.height);
  whole.getContext('2d')!.putImageData(new ImageData(picture.data, picture.width, picture.height), 0, 0);
  context.drawImage(whole, 0, 0, width, height);
  if (!overlay) return;
  const image = context.getImageData(0, 0, width, height);
  mask.forEach((index, at) => {
    if (index === 0) return;
    colour(index).forEach((value, channel) => {
      const place = 4 * at + channel;
      image.data[place] = (1 - STRENGTH) * image.data[place]! + STRENGTH * value;
    });
  });
  context.putImageData(image, 0, 0);
}

/** The share of the pixels of each class that there is, the largest first. */
export function shares(mask: Uint16Array): [number, number][] {
  const counts = new Map<number, number>();
  for (const index of mask) counts.set(index, (counts.get(index) ?? 0) + 1);
  return [...counts].map(([index, number]): [number, number] => [index, number / mask.length]).sort((a, b) => b[1] - a[1]);
}
