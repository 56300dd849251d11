import { WriteError } from '../../errors.ts';
import type { Call } from './call.ts';

/** The body of a request, waited for no longer than its call lasts. A source that fails is a `WriteError`. */
export async function* awaitedBody(call: Call): AsyncGenerator<Uint8Array> {
  const { content } = call.request;
  if (content === null) return;
  const iterator = content.stream()[Symbol.asyncIterator]();
  call.cleanUp(() => void iterator.return?.()?.then(undefined, () => {}));
  for (;;) {
    let result: IteratorResult<Uint8Array>;
    try {
      result = await call.wait(iterator.next());
    } catch (cause) {
      if (call.failure !== null) throw cause;
      throw new WriteError('the source of the body failed', call.describe('write', cause));
    }
    if (result.done === true) return;
    yield result.value;
  }
}
