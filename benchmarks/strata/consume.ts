import { Unsupported } from '../peers/unsupported.ts';

/** Reads a body through a sink of borrowed views, where this build of the library has such a thing. */
export async function consume(response: object): Promise<number> {
  if (!canConsume(response)) throw new Unsupported('response.consume does not exist');
  let length = 0;
  await response.consume((view) => {
    length += view.length;
  });
  return length;
}

interface Consumable {
  consume(sink: (view: Uint8Array) => void): Promise<unknown>;
}

function canConsume(response: object): response is Consumable {
  return 'consume' in response && typeof response.consume === 'function';
}
