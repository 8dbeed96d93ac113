// The names of classes as people read them.

/** The name of a class; where the model has none, its number. */
export function label(index: number, labels: string[]): string {
  return labels[index] || `class ${index}`;
}

/** What has to be said of the class that is named, or nothing. */
export function explained(index: number, labels: string[]): string {
  const name = labels[index] ?? '';
  if (name === '') return 'The classes of this model have no names: the number of the class is shown.';
  if (!merges(labels) || [...name].length < 2) return '';
  const characters = [...name];
  const last = characters.pop()!;
  const all = `${characters.join(', ')} and ${last}`;
  return `${all} look alike: for this model they are one class, ${name}.`;
}

/** Whether classes are characters, some of which share a class, as `intformer train --glyphs` names them. */
function merges(labels: string[]): boolean {
  const characters = labels.flatMap((name) => [...name]);
  const single = labels.filter((name) => [...name].length === 1).length;
  return 2 * single > labels.length && new Set(characters).size === characters.length;
}
