import { trimmed } from '../messages/headers.ts';

/*
 *   #element = [ element ] *( OWS "," OWS [ element ] )      RFC 9110 §5.6.1.2, as a recipient has to read it
 */

/** The members of a list, empty ones among them. */
export function members(value: string): string[] {
  return value.split(',').map((member) => trimmed(member, 0, member.length));
}

/** The members of a list of tokens, in lower case. Empty ones do not count. */
export function tokens(value: string | null): readonly string[] {
  return value === null ? [] : members(value.toLowerCase()).filter((member) => member !== '');
}
