/** A path below which an app is mounted: the app sees what comes after it. */
export class MountPath {
  /** Without a slash at its end: empty, where the app is mounted at the root. */
  readonly prefix: string;

  /** @throws TypeError where it is no path. */
  constructor(path: string) {
    // Dots are resolved in a URL: nothing would ever be below such a path.
    if (typeof path !== 'string' || !/^(\/(?!\.{1,2}(\/|$))[^/?#\s]*)*$/.test(path))
      throw new TypeError(
        `AppTransport: mountPath: expected a path such as /api, got ${typeof path === 'string' ? JSON.stringify(path) : typeof path}`,
      );
    this.prefix = path.replace(/\/+$/, '');
  }

  /** The request-target as the app sees it; null where it is not below the path. */
  inside(target: string): string | null {
    if (this.prefix === '') return target;
    if (!target.startsWith(this.prefix)) return null;
    const rest = target.slice(this.prefix.length);
    if (rest === '' || rest.startsWith('?')) return `/${rest}`;
    return rest.startsWith('/') ? rest : null;
  }
}
