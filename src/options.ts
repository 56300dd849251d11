/** Refuses options that are not there, so that a slip of the pen is not silently nothing. @throws TypeError naming the nearest known one. */
export function checkOptionNames(where: string, options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(
      `${where}: expected an object of options, got ${options === null ? 'null' : typeof options}`,
    );
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const nearest = nearestOf(name, known);
    throw new TypeError(
      `${where}: there is no option ${JSON.stringify(name)}${nearest === null ? '' : `; did you mean ${nearest}?`}`,
    );
  }
}

/** The known name that `name` may be a slip of the pen for; null where none is near. */
export function nearestOf(name: string, known: readonly string[]): string | null {
  let nearest: string | null = null;
  let least = Math.max(2, name.length / 3) + 1;
  for (const each of known) {
    const steps = distance(name.toLowerCase(), each.toLowerCase());
    if (steps < least) {
      least = steps;
      nearest = each;
    }
  }
  return nearest;
}

/** How many letters must be changed, added or left out (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, place) => place);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + same));
    }
    row = next;
  }
  return row[b.length]!;
}
