// The webcam: its middle square, classified as fast as answers come, one at a time.
import { context2d, el, press, say, sayOrHide } from './dom.js';
import { clearAlert, complain } from './notices.js';
import { show, withdraw } from './run.js';
import { outcomeChanged } from './state.js';

let stream: MediaStream | null = null;
let starting = false;

/** Makes the button work. */
export function startWebcam(): void {
  press('webcam', () => {
    if (stream === null) void start().catch(complain);
    else stop();
  });
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) stop();
  });
  // Whoever draws, picks or takes a sample is done with the webcam.
  outcomeChanged.on((outcome) => {
    if (outcome !== null && outcome.shown.kind !== 'camera') stop();
  });
}

async function start(): Promise<void> {
  if (starting) return;
  clearAlert();
  starting = true;
  const video = el<HTMLVideoElement>('video');
  let mine: MediaStream;
  try {
    mine = stream = await ask();
    // The permission may come when nobody looks any more.
    if (document.hidden) return stop();
    video.srcObject = mine;
    video.hidden = false;
    await video.play();
  } catch (error) {
    stop();
    throw error;
  } finally {
    starting = false;
  }
  // It was stopped meanwhile.
  if (stream !== mine) return;
  const track = mine.getVideoTracks()[0];
  track?.addEventListener('ended', stop);
  const canvas = el<HTMLCanvasElement>('camera');
  // The style sheet shows it as a mirror, which is wrong for a camera that looks away from the visitor.
  canvas.style.transform = track?.getSettings().facingMode === 'environment' ? 'none' : '';
  canvas.hidden = false;
  el('webcam').ariaPressed = 'true';
  say('webcam', 'Stop the webcam');
  await frames(mine, video, canvas);
}

function stop(): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  withdraw('camera');
  const video = el<HTMLVideoElement>('video');
  video.srcObject = null;
  video.hidden = true;
  el('camera').hidden = true;
  el('webcam').ariaPressed = 'false';
  say('webcam', 'Use the webcam');
  sayOrHide('camera-text', '');
}

async function ask(): Promise<MediaStream> {
  if (navigator.mediaDevices === undefined) {
    throw new Error('The browser gives no webcam to this page: it needs a secure address, https or localhost.');
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { facingMode: { ideal: 'environment' } } });
  } catch (cause) {
    const name = cause instanceof DOMException ? cause.name : '';
    if (name === 'NotAllowedError') throw new Error('The browser did not allow the webcam: allow it for this page, then try again.', { cause });
    if (name === 'NotFoundError') throw new Error('No webcam was found: connect one, then try again.', { cause });
    throw new Error(`The webcam did not start: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

async function frames(mine: MediaStream, video: HTMLVideoElement, canvas: HTMLCanvasElement): Promise<void> {
  const context = context2d(canvas);
  let [count, since] = [0, performance.now()];
  while (stream === mine) {
    const { videoWidth: width, videoHeight: height } = video;
    const side = Math.min(width, height);
    if (side > 0) {
      context.drawImage(video, (width - side) / 2, (height - side) / 2, side, side, 0, 0, canvas.width, canvas.height);
      await show({ kind: 'camera', name: 'webcam.png', image: canvas, native: null });
      count += 1;
    }
    const passed = performance.now() - since;
    if (passed >= 1000) {
      if (stream === mine) sayOrHide('camera-text', `${((1000 * count) / passed).toFixed(1)} images a second`);
      [count, since] = [0, performance.now()];
    }
    // No faster than the screen, and the page stays responsive.
    await new Promise(requestAnimationFrame);
  }
}
