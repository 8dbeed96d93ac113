// What the native command said of the sample texts when the site was built.

/** `texts.json`. */
export interface Native {
  /** Address of the model. */
  model: string;
  /** Address of the model packed by gzip. */
  packed: string;
  /** Digest of the model. */
  digest: string;
  /** Samples, each with the digest of its logits. */
  texts: { text: string; label: string; digest: string }[];
}

/** Asks the server for it. */
export async function fetchNative(): Promise<Native> {
  const answer = await fetch('texts.json');
  if (!answer.ok) throw new Error(`texts.json: status ${answer.status}`);
  return (await answer.json()) as Native;
}
