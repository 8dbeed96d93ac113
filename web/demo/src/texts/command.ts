// What to run for the same digest of a text.
import { quoted, word } from '../command.js';

/** The command on a text, for a POSIX shell. */
export function command(model: string, text: string, embeds: boolean): string {
  // A text that begins like an option is tied to its own.
  const option = text.startsWith('-') ? '--text=' : '--text ';
  return `intformer ${embeds ? 'embed' : 'classify'} ${quoted(model)} ${option}${word(text)} --executor reference --json`;
}
