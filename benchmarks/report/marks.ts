/**
 * Parts of a document that a program writes stand between `<!-- bench:NAME -->` and `<!-- bench:end -->`; all around
 * them is written by hand.
 */

const END = '<!-- bench:end -->';

/** The names of the parts that a document has. */
export function markedParts(text: string): string[] {
  return Array.from(text.matchAll(/<!-- bench:([\w-]+) -->/g), ([, name = '']) => name).filter(
    (name) => name !== 'end',
  );
}

/** Puts new content into a part. @throws Error where there is no such part, or it does not end. */
export function withPart(text: string, name: string, content: string): string {
  const start = `<!-- bench:${name} -->`;
  const from = text.indexOf(start);
  if (from < 0) throw new Error(`there is no ${start}`);
  const to = text.indexOf(END, from);
  const next = text.indexOf('<!-- bench:', from + start.length);
  if (to < 0 || next < to) throw new Error(`${start} has no ${END}`);
  return `${text.slice(0, from + start.length)}\n\n${content.trim()}\n\n${text.slice(to)}`;
}
