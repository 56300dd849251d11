/** A table: the first column is text, the others numbers, the last text too where its head is empty. */
export function markdownTable(
  head: readonly string[],
  lines: readonly (readonly string[])[],
): string {
  const rule = head.map((name, column) => (column === 0 || name === '' ? '---' : '--:'));
  return [head, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
