// What to run for the same digest, in a folder with the saved image and the model.
import type { Loaded, Outcome } from './state.js';

/** The command, for a POSIX shell. */
export function command(loaded: Loaded | null, outcome: Outcome | null): string {
  const model = loaded === null ? 'glyphs.safetensors' : modelFile(loaded);
  const image = outcome === null ? 'image.png' : imageFile(outcome);
  return `intformer classify ${quoted(model)} ${quoted(image)} --executor reference --json`;
}

/** The name of the PNG that is saved: of what browsers leave as it is in names of downloads. */
export function imageFile({ shown }: Outcome): string {
  const plain = lastPart(shown.name).replace(/\.[^.]*$/, '').replace(/["*/:<>?\\|~%\p{Cc}\p{Cf}]/gu, '_').replace(/\s+/g, ' ');
  const whole = [...plain.replace(/^[\s.]+|[\s.]+$/g, '')].slice(0, 80).join('').trim();
  return `${whole || 'image'}.png`;
}

/** The name of the model's file: as picked, or as its address ends. */
export function modelFile({ source, name, shipped }: Loaded): string {
  if (!shipped && typeof source !== 'string') return name;
  const file = lastPart(name.split(/[?#]/)[0]!);
  try {
    return decodeURIComponent(file);
  } catch {
    return file;
  }
}

function lastPart(path: string): string {
  return path.split('/').pop()!;
}

/** A file as a word of a shell; one that begins like an option is named by its folder. */
export function quoted(file: string): string {
  return word(file.startsWith('-') ? `./${file}` : file);
}

/** A word of a shell. */
export function word(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
