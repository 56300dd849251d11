import type { FormInit } from './content/memory.ts';

/**
 * `target` with `params` in its query. What is there already stays as it is, to the letter, unless one of its names is given
 * anew; a name given as null is removed.
 */
export function mergedQuery(target: string, params: URLSearchParams, init?: FormInit): string {
  const question = target.indexOf('?');
  const path = question === -1 ? target : target.slice(0, question);
  const replaced = new Set(params.keys());
  if (init !== undefined && !(Symbol.iterator in init)) {
    for (const [name, value] of Object.entries(init)) if (value === null) replaced.add(name);
  }
  const kept =
    question === -1
      ? []
      : target
          .slice(question + 1)
          .split('&')
          .filter((pair) => pair !== '' && !replaced.has(nameOf(pair)));
  const added = params.toString();
  if (added !== '') kept.push(added);
  return kept.length === 0 ? path : `${path}?${kept.join('&')}`;
}

function nameOf(pair: string): string {
  // Behind the `&`, a `?` that opens the text is part of the name.
  const [name = ''] = new URLSearchParams(`&${pair}`).keys();
  return name;
}
