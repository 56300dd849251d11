/** The target of a Link header's first link with this relation (RFC 8288); null where there is none. */
export function linkTo(relation: string, link: string | null): string | null {
  for (const [, target, parameters] of (link ?? '').matchAll(/<([^>]*)>([^,<]*)/g)) {
    const relations = /;\s*rel="?([^";]*)"?/i.exec(parameters!)?.[1] ?? '';
    if (relations.split(/\s+/).includes(relation)) return target!;
  }
  return null;
}
