// The digest computed here beside the native one, the command that prints it, and the result to take away.
import { el, make, press, say } from './dom.js';
import { named } from './result.js';
import { complain, now, outcomeChanged, type Outcome } from './state.js';

/** Keeps the digests up to date and makes the buttons work. */
export function startDigest(): void {
  outcomeChanged.on(showDigest);
  press('copy-command', () => void copy('copy-command', el('command').textContent ?? ''));
  press('share', () => {
    if (now.outcome !== null) void copy('share', JSON.stringify(summary(now.outcome), null, 2));
  });
  press('save', () => {
    if (now.outcome !== null) void save(now.outcome).catch(complain);
  });
}

function showDigest(outcome: Outcome | null): void {
  for (const id of ['share', 'save', 'copy-command']) el<HTMLButtonElement>(id).disabled = outcome === null;
  const native = outcome === null ? null : expected(outcome);
  const here = outcome?.result.digest ?? null;
  say('digest-here', here ?? '…');
  say('digest-native', native ?? 'not known for this image');
  say('command', command(outcome));
  const verdict = el('verdict');
  if (outcome === null || native === null) {
    verdict.dataset.verdict = 'none';
    say('verdict', outcome === null ? 'No image is on show.' : howToKnow(outcome));
  } else if (native === here) {
    verdict.dataset.verdict = 'equal';
    say('verdict', 'Equal: this browser computed the same bits as the native command.');
  } else {
    verdict.dataset.verdict = 'different';
    say('verdict', 'Different: these ought to be equal. Please report it, with this result as JSON.');
  }
}

/** The native digest holds for the shipped model alone. */
function expected({ shown }: Outcome): string | null {
  return now.loaded?.shipped === true ? shown.native : null;
}

function howToKnow({ shown, result }: Outcome): string {
  if (shown.kind === 'drawing' || shown.kind === 'camera') return 'Save the image and run the command below on it: it prints the same digest.';
  if (result.exact) return 'Run the command below on the same file: it prints the same digest.';
  return 'This file was decoded by the browser. Save the image as PNG and run the command below on that: it prints the same digest.';
}

function command(outcome: Outcome | null): string {
  const model = now.loaded === null ? 'models/glyphs.safetensors' : fileName(now.loaded.name, now.loaded.shipped);
  const image = outcome === null ? 'image.png' : imageName(outcome);
  return ['intformer', 'classify', model, image, '--executor', 'reference', '--json'].map(quoted).join(' ');
}

/** The command runs in the repository, where the shipped files have these paths. */
function imageName(outcome: Outcome): string {
  const { shown, result } = outcome;
  if (shown.kind === 'sample') return `models/${shown.name}`;
  return result.exact ? shown.name : pngName(shown.name);
}

function fileName(name: string, shipped: boolean): string {
  return shipped ? name : (name.split(/[?#]/)[0]!.split('/').pop() ?? name);
}

function pngName(name: string): string {
  return `${name.replace(/^.*\//, '').replace(/\.[^.]*$/, '')}.png`;
}

function quoted(word: string): string {
  return /^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** What a result is, for a report or a colleague. */
function summary(outcome: Outcome): object {
  const classifier = now.loaded?.classifier;
  const top = named(outcome);
  return {
    image: outcome.shown.name,
    label: top[0]?.label ?? null,
    top,
    digest: outcome.result.digest,
    exact: outcome.result.exact,
    native: expected(outcome),
    model: { name: now.loaded?.name ?? null, digest: classifier?.model.digest ?? null },
    executor: outcome.executor,
    adapter: classifier?.adapter ?? null,
    times: { run: outcome.result.times, cold: classifier?.times ?? null },
    userAgent: navigator.userAgent,
  };
}

async function copy(id: string, text: string): Promise<void> {
  const button = el(id);
  const before = button.dataset.label ?? button.textContent ?? '';
  button.dataset.label = before;
  try {
    await navigator.clipboard.writeText(text);
    say('note', 'Copied.');
    button.textContent = 'Copied';
    setTimeout(() => {
      button.textContent = before;
      if (el('note').textContent === 'Copied.') say('note', '');
    }, 2000);
  } catch {
    complain('The browser did not allow copying: allow it for this page, or open the page by https.');
  }
}

/** Saves the pixels on show as PNG, which the native command reads to the same digest. */
async function save({ shown }: Outcome): Promise<void> {
  const bitmap = await createImageBitmap(shown.image, { premultiplyAlpha: 'none', colorSpaceConversion: 'none' });
  const canvas = make('canvas', { width: bitmap.width, height: bitmap.height });
  canvas.getContext('bitmaprenderer')?.transferFromImageBitmap(bitmap);
  const file = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/png'));
  if (file === null) throw new Error('The browser made no PNG of the image.');
  const link = make('a', { href: URL.createObjectURL(file), download: pngName(shown.name) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
