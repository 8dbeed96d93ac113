// What to run for the same digest.

/** The command on a text, for a POSIX shell. */
export function command(model: string, text: string, embeds: boolean): string {
  // A text that begins like an option is tied to its own.
  const option = text.startsWith('-') ? '--text=' : '--text ';
  return `intformer ${embeds ? 'embed' : 'classify'} ${quoted(model)} ${option}${quoted(text)} --executor reference --json`;
}

/** A word of a shell. */
function quoted(word: string): string {
  return /^[\w./]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
