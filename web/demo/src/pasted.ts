// Text that is pasted or dropped: the address of a picture or of a model.
import { isModelName, openModel } from './model.js';
import { show } from './run.js';

/** Shows the picture or loads the model that a text is the address of. Throws what can be done instead. */
export async function takeText(text: string): Promise<void> {
  const address = addressIn(text);
  if (address === null) {
    const found = text.trim().replace(/\s+/g, ' ');
    const short = found.length > 40 ? `${found.slice(0, 40)}…` : found;
    throw new Error(`Expected a picture, a file of one, or its address (https://…); found the text “${short}”. Copy one of those, then paste it.`);
  }
  if (isModelName(address.pathname)) return openModel(address.href, address.href);
  const name = decodeURIComponent(address.pathname.split('/').pop() || address.hostname);
  await show({ kind: 'file', name, image: await picture(address.href), native: null });
}

function addressIn(text: string): URL | null {
  const word = text.trim();
  return /^https?:\/\/\S+$/i.test(word) && URL.canParse(word) ? new URL(word) : null;
}

async function picture(address: string): Promise<Blob> {
  const instead = 'Save the picture and pick the file, or copy the picture itself.';
  const answer = await fetch(address).catch((cause: unknown) => {
    const own = new URL(address).origin === location.origin;
    const why = own ? 'The server does not answer.' : 'Browsers get pictures of another host only where that host and this page allow it.';
    throw new Error(`The picture at ${address} cannot be fetched. ${why} ${instead}`, { cause });
  });
  if (!answer.ok) throw new Error(`The picture at ${address} cannot be fetched: the server answered ${answer.status}. ${instead}`);
  return answer.blob();
}
