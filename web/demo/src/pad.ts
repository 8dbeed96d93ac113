// The drawing area: mouse, finger, pen or keyboard; what is drawn is classified while it is drawn.
import { centred } from './centre.js';
import { el, make, press, say } from './dom.js';
import { clearAlert } from './notices.js';
import type { Packed } from './pack.js';
import { forget, show } from './run.js';
import { outcomeChanged, now } from './state.js';
import { Drawing, paint, SIDE, type Point } from './strokes.js';

const STEP = 6;
const LARGE_STEP = 24;
const ARROWS: Record<string, Point> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

/** Makes the drawing area work. */
export function startPad(): void {
  const canvas = el<HTMLCanvasElement>('pad');
  const drawing = (pad = new Drawing(canvas));
  const undo = (): void => (drawing.undo(), changed());
  const clear = (): void => (drawing.clear(), changed());
  press('undo', undo);
  press('clear', clear);
  el('centre').addEventListener('change', () => {
    if (now.outcome?.shown.kind === 'drawing') changed();
  });
  withPointer(canvas, drawing);
  withKeys(canvas, drawing, { Backspace: undo, Delete: clear });
  // Another image is on show: what is drawn next is a new drawing.
  outcomeChanged.on((outcome) => {
    if (outcome !== null && outcome.shown.kind !== 'drawing' && outcome.shown.kind !== 'camera') stale = true;
  });
  setButtons(drawing);
}

/** Whether the next stroke begins a new drawing. */
let stale = false;
let pad: Drawing;
/** What the model is shown: the drawing as it is, or centred. */
const seen = make('canvas', { width: SIDE, height: SIDE });

/** The drawing that is on the pad. */
export function drawn(): Packed {
  return { strokes: pad.strokes, centre: el<HTMLInputElement>('centre').checked };
}

/** Draws anew what a link holds. */
export function draw({ strokes, centre }: Packed): void {
  el<HTMLInputElement>('centre').checked = centre;
  pad.strokes = strokes;
  stale = false;
  changed();
}

/** Shows the drawing to the model. */
function changed(): void {
  setButtons(pad);
  const { strokes, centre } = drawn();
  if (strokes.length > 0) {
    clearAlert();
    paint(seen, centre ? centred(strokes) : strokes);
    void show({ kind: 'drawing', name: 'drawing.png', image: seen, native: null });
  } else if (now.outcome?.shown.kind === 'drawing') {
    forget();
  }
}

function begin(drawing: Drawing, at: Point): void {
  if (stale) drawing.clear();
  stale = false;
  drawing.begin(at, Number(el<HTMLInputElement>('brush').value));
}

function setButtons({ strokes }: Drawing): void {
  for (const id of ['undo', 'clear']) el<HTMLButtonElement>(id).disabled = strokes.length === 0;
}

function withPointer(canvas: HTMLCanvasElement, drawing: Drawing): void {
  let pointer: number | null = null;
  const at = (event: PointerEvent): Point => {
    const box = canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) * canvas.width) / box.width,
      y: ((event.clientY - box.top) * canvas.height) / box.height,
    };
  };
  canvas.addEventListener('pointerdown', (event) => {
    if (pointer !== null || event.button !== 0) return;
    pointer = event.pointerId;
    canvas.setPointerCapture(pointer);
    begin(drawing, at(event));
    changed();
  });
  canvas.addEventListener('pointermove', (event) => {
    if (event.pointerId !== pointer) return;
    const all = event.getCoalescedEvents?.() ?? [];
    drawing.extend((all.length > 0 ? all : [event]).map(at));
    changed();
  });
  for (const name of ['pointerup', 'pointercancel', 'lostpointercapture'] as const) {
    canvas.addEventListener(name, (event) => {
      if (event.pointerId === pointer) pointer = null;
    });
  }
}

function withKeys(canvas: HTMLCanvasElement, drawing: Drawing, keys: Record<string, () => void>): void {
  const pen = { x: canvas.width / 2, y: canvas.height / 2 };
  let down = false;
  const tell = (): void => {
    showPen(canvas, pen, down);
    const place = `${Math.round((100 * pen.x) / canvas.width)} % from the left, ${Math.round((100 * pen.y) / canvas.height)} % from the top`;
    say('pen-state', `Pen ${down ? 'down' : 'up'}, ${place}.`);
  };
  const lift = (): void => void (down = false);
  canvas.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (arrow !== undefined) {
      const step = event.shiftKey ? LARGE_STEP : STEP;
      pen.x = Math.min(canvas.width, Math.max(0, pen.x + arrow.x * step));
      pen.y = Math.min(canvas.height, Math.max(0, pen.y + arrow.y * step));
      if (down) (drawing.extend([{ ...pen }]), changed());
    } else if (event.key === ' ') {
      // A key that is held repeats; the pen is not to flutter.
      if (!event.repeat) {
        down = !down;
        if (down) (begin(drawing, { ...pen }), changed());
      }
    } else if (keys[event.key] !== undefined) {
      lift();
      keys[event.key]!();
    } else {
      return;
    }
    event.preventDefault();
    tell();
  });
  canvas.addEventListener('pointerdown', () => (lift(), (el('pen').hidden = true)));
  canvas.addEventListener('blur', () => (lift(), (el('pen').hidden = true)));
  canvas.addEventListener('focus', () => {
    if (canvas.matches(':focus-visible')) tell();
  });
}

/** Where the keyboard's pen is: beside the canvas, for what is on the canvas is classified. */
function showPen(canvas: HTMLCanvasElement, { x, y }: Point, down: boolean): void {
  const pen = el('pen');
  pen.hidden = false;
  pen.dataset.down = String(down);
  pen.style.left = `${canvas.offsetLeft + canvas.clientLeft + (x * canvas.clientWidth) / canvas.width}px`;
  pen.style.top = `${canvas.offsetTop + canvas.clientTop + (y * canvas.clientHeight) / canvas.height}px`;
}
