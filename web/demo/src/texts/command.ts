// What to run for the same digest.

/** The command on a text, for a POSIX shell. */
export function command(model: string, text: string, embeds: boolean): string {
  return `intformer ${embeds ? 'embed' : 'classify'} ${quoted(model)} --text ${quoted(text)} --executor reference --json`;
}

/** A word of a shell. */
function quoted(word: string): string {
  return /^[\w./]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
