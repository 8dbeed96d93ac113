// What the native command said of the sample scenes when the site was built.

/** A model of the page. */
export interface NativeModel {
  /** Whether it is the whole one or the pruned one. */
  name: 'whole' | 'pruned';
  /** Address of its file. */
  model: string;
  /** Address of the file packed by gzip. */
  packed: string;
  /** Digest of the model. */
  digest: string;
}

/** `scenes.json`. */
export interface Native {
  /** The whole model, then the pruned one. */
  models: NativeModel[];
  /** Samples, each with the digest of the logits of both. */
  images: { file: string; digests: string[] }[];
}

/** Asks the server for it. */
export async function fetchNative(): Promise<Native> {
  const answer = await fetch('scenes.json');
  if (!answer.ok) throw new Error(`scenes.json: status ${answer.status}`);
  return (await answer.json()) as Native;
}
