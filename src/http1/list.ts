/*
 *   #element = [ element ] *( OWS "," OWS [ element ] )      RFC 9110 §5.6.1.2, as a recipient has to read it
 */

/** The members of a list, empty ones among them. */
export function members(value: string): string[] {
  return value.split(',').map(trimmed);
}

/** The members of a list of tokens, in lower case. Empty ones do not count. */
export function tokens(value: string | null): readonly string[] {
  return value === null ? [] : members(value.toLowerCase()).filter((member) => member !== '');
}

/** Without OWS around it. `trim()` would take U+00A0 too, and a pattern may look at the same white space over and over. */
function trimmed(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
