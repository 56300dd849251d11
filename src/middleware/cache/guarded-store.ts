import type { BodySource } from '../../messages/body-source.ts';
import type { Awaitable, CacheStore, StoredEntry, StoreWriter } from './store.ts';
import { isStoredHead, type StoredHead } from './stored-head.ts';

/**
 * A store that never fails, and is never waited for longer than a bound: what goes wrong counts as "nothing there", and `onError` hears of it.
 * A store that answers at once is not waited for at all.
 */
export class GuardedStore {
  readonly #store: CacheStore;
  readonly #timeout: number;
  readonly #onError: (error: unknown) => void;

  /** `timeout` is in milliseconds. */
  constructor(store: CacheStore, timeout: number, onError: (error: unknown) => void) {
    this.#store = store;
    this.#timeout = timeout;
    this.#onError = onError;
  }

  get(key: string): Awaitable<StoredEntry | undefined> {
    return this.#attempt(() => {
      const entry = this.#store.get(key);
      return isPromise(entry) ? entry.then(sound) : sound(entry);
    }, undefined);
  }

  body(entry: StoredEntry): Awaitable<Uint8Array | BodySource | undefined> {
    return this.#attempt(
      () => entry.body(),
      undefined,
      (late) => {
        if (!(late instanceof Uint8Array)) void late?.cancel();
      },
    );
  }

  async set(key: string, head: StoredHead): Promise<GuardedWriter | null> {
    const writer = await this.#attempt(
      () => this.#store.set(key, head),
      undefined,
      (late) => late?.abort(),
    );
    return writer === undefined
      ? null
      : new GuardedWriter(writer, (action) =>
          this.#attempt<boolean>(() => settled(action()), false),
        );
  }

  /** An entry without a body. Whether it is there. */
  async setHead(key: string, head: StoredHead): Promise<boolean> {
    const writer = await this.set(key, head);
    return writer !== null && (await writer.commit());
  }

  async update(key: string, head: StoredHead): Promise<void> {
    await this.#attempt(() => this.#store.update(key, head), undefined);
  }

  async delete(key: string): Promise<void> {
    await this.#attempt(() => this.#store.delete(key), undefined);
  }

  /** `late` gets what comes when nobody waits for it any more. */
  #attempt<T>(
    action: () => Awaitable<T>,
    fallback: T,
    late: (result: T) => unknown = () => {},
  ): Awaitable<T> {
    let result: Awaitable<T>;
    try {
      result = action();
    } catch (error) {
      this.#report(error);
      return fallback;
    }
    return isPromise(result) ? this.#inTime(result, fallback, late) : result;
  }

  #inTime<T>(result: PromiseLike<T>, fallback: T, late: (result: T) => unknown): Promise<T> {
    return new Promise((resolve) => {
      let waiting = true;
      const end = (value: T): void => {
        waiting = false;
        clearTimeout(timer);
        resolve(value);
      };
      const fail = (error: unknown): void => {
        if (!waiting) return;
        end(fallback);
        this.#report(error);
      };
      const timer = setTimeout(
        () => fail(new Error(`the cache's store did not answer for ${this.#timeout} ms`)),
        this.#timeout,
      );
      result.then((value) => {
        if (waiting) end(value);
        else void this.#attempt(() => late(value), undefined);
      }, fail);
    });
  }

  /** Whoever listens is no reason for a request to fail either. */
  #report(error: unknown): void {
    try {
      this.#onError(error);
    } catch {}
  }
}

/** A writer whose every call says whether it went well. */
export class GuardedWriter {
  readonly #writer: StoreWriter;
  readonly #attempt: (action: () => Awaitable<void>) => Awaitable<boolean>;

  constructor(writer: StoreWriter, attempt: (action: () => Awaitable<void>) => Awaitable<boolean>) {
    this.#writer = writer;
    this.#attempt = attempt;
  }

  write(piece: Uint8Array): Awaitable<boolean> {
    return this.#attempt(() => this.#writer.write(piece));
  }

  commit(): Awaitable<boolean> {
    return this.#attempt(() => this.#writer.commit());
  }

  abort(): Awaitable<boolean> {
    return this.#attempt(() => this.#writer.abort());
  }
}

/** What comes from outside of the process may be of another version, or anything. */
function sound(entry: StoredEntry | undefined): StoredEntry | undefined {
  if (entry !== undefined && !isStoredHead(entry.head))
    throw new TypeError("the cache's store gave something that is no entry");
  return entry;
}

function isPromise<T>(value: Awaitable<T>): value is PromiseLike<T> {
  return typeof (value as PromiseLike<T> | null | undefined)?.then === 'function';
}

function settled(result: Awaitable<void>): Awaitable<boolean> {
  return isPromise(result) ? result.then(() => true) : true;
}
