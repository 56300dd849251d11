import type { Headers } from '../../messages/headers.ts';
import type { Request } from '../../messages/request.ts';
import {
  secretNames,
  shownTarget,
  shownValue,
  type SecretNames,
} from '../../messages/secret-fields.ts';

/** Names and values, in their order. */
export type Fields = readonly (readonly [name: string, value: string])[];

/** Takes out of a record what could be a secret. */
export class Redaction {
  /** null: everything is let through. */
  readonly #isSecret: ((name: string) => boolean) | null;

  /** `names`: fields to be taken out besides those that are called like credentials; false: nothing is. @throws TypeError */
  constructor(names: SecretNames | false) {
    this.#isSecret = names === false ? null : secretNames('trace.redact', names);
  }

  headers(headers: Headers): Fields {
    const isSecret = this.#isSecret;
    if (isSecret === null) return [...headers];
    return Array.from(headers, ([name, value]) => [name, shownValue(name, value, isSecret)]);
  }

  /** Of its query, the names stay and the values do not. */
  urlOf({ origin, target }: Request): string {
    return origin + (this.#isSecret === null ? target : shownTarget(target, () => false));
  }
}
