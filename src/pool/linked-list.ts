/** A place in a list, made once for a thing that goes in and out of it: neither costs an allocation. */
export class Link<T> {
  readonly owner: T;
  list: LinkedList<T> | null = null;
  previous: Link<T> | null = null;
  next: Link<T> | null = null;

  constructor(owner: T) {
    this.owner = owner;
  }

  /** Takes it out of the list that it is in, if it is in one. */
  remove(): void {
    this.list?.remove(this);
  }
}

/** A doubly linked list: whatever its length, in, out and both ends cost the same. */
export class LinkedList<T> {
  length = 0;
  #first: Link<T> | null = null;
  #last: Link<T> | null = null;

  get first(): T | null {
    return this.#first === null ? null : this.#first.owner;
  }

  get last(): T | null {
    return this.#last === null ? null : this.#last.owner;
  }

  /** At the end. */
  push(link: Link<T>): void {
    link.list = this;
    link.previous = this.#last;
    if (this.#last === null) this.#first = link;
    else this.#last.next = link;
    this.#last = link;
    this.length++;
  }

  /** At the start. */
  unshift(link: Link<T>): void {
    link.list = this;
    link.next = this.#first;
    if (this.#first === null) this.#last = link;
    else this.#first.previous = link;
    this.#first = link;
    this.length++;
  }

  remove(link: Link<T>): void {
    if (link.previous === null) this.#first = link.next;
    else link.previous.next = link.next;
    if (link.next === null) this.#last = link.previous;
    else link.next.previous = link.previous;
    link.list = null;
    link.previous = null;
    link.next = null;
    this.length--;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let link = this.#first; link !== null; link = link.next) yield link.owner;
  }
}
