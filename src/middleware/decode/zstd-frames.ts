/** What is being read; what it consists of has been, or is to be, found in the state before. */
type State =
  | 'magic'
  | 'descriptor'
  | 'header'
  | 'block'
  | 'checksum'
  | 'skippable-size'
  | 'padding'
  | 'unknown';

const FRAME = 0xfd2fb528;
/** The least of the sixteen magic numbers of skippable frames. */
const SKIPPABLE = 0x184d2a50;

const NO_CONTENT_SIZE = 0;
const DICTIONARY_ID_SIZES = [0, 1, 2, 4] as const;
const CONTENT_SIZES = [NO_CONTENT_SIZE, 2, 4, 8] as const;

/**
 * Finds where the frames of a zstd body end (RFC 8878 §3.1). Node's decoder stops behind a frame where another one follows in the same
 * piece, and before 24 takes a body that was cut short for a whole one: so each frame is given to it by itself, and the end is known here.
 *
 *     frame      = magic, descriptor, header, 1*block, [ checksum ]
 *     skippable  = magic, size, content
 *
 * It only counts. What is wrong inside of a frame, or is none, goes to the decoder, which says so.
 */
export class ZstdFrames {
  #state: State = 'magic';
  /** The field that is read: how long it is, how much of it has come, and that as a number, little-endian. */
  #length = 4;
  #have = 0;
  #value = 0;
  /** Bytes that are to be passed over before the next field. */
  #skip = 0;
  #checksum = false;
  #last = false;
  #frames = 0;

  /** Whether a frame has ended and no other one has begun. */
  get complete(): boolean {
    return this.#state === 'padding' || (this.#frames > 0 && this.#betweenFrames());
  }

  /** Takes the next piece apart, so that no part reaches over the end of a frame. Zero bytes behind the last frame are left out. */
  split(piece: Uint8Array): Uint8Array[] {
    const parts: Uint8Array[] = [];
    let start = 0;
    let at = 0;
    while (at < piece.byteLength) {
      if (this.#skip > 0) {
        const passed = Math.min(this.#skip, piece.byteLength - at);
        this.#skip -= passed;
        at += passed;
        if (this.#skip > 0) break;
      } else if (this.#state === 'unknown') {
        break;
      } else {
        const byte = piece[at] as number;
        if (byte === 0 && this.complete) {
          this.#state = 'padding';
          start = ++at;
          continue;
        }
        if (this.#state === 'padding') {
          this.#state = 'unknown';
          break;
        }
        at++;
        // `<<` would make the fourth byte a sign.
        if (this.#have < 4) this.#value += byte * 2 ** (8 * this.#have);
        if (++this.#have < this.#length) continue;
        this.#onField(this.#value);
      }
      if (this.#betweenFrames()) {
        parts.push(piece.subarray(start, at));
        start = at;
      }
    }
    if (start < piece.byteLength) parts.push(piece.subarray(start));
    return parts;
  }

  #onField(value: number): void {
    switch (this.#state) {
      case 'magic':
        if (value === FRAME) this.#read('descriptor', 1);
        else if (value - (value % 16) === SKIPPABLE) this.#read('skippable-size', 4);
        else this.#state = 'unknown';
        return;
      case 'descriptor': {
        const single = (value & 0x20) !== 0;
        const contentSize = CONTENT_SIZES[(value >> 6) as 0 | 1 | 2 | 3];
        const idSize = DICTIONARY_ID_SIZES[(value & 3) as 0 | 1 | 2 | 3];
        this.#checksum = (value & 4) !== 0;
        // Either the window has a byte, or the content's size has one at least.
        const sizes =
          single && contentSize === NO_CONTENT_SIZE ? 1 : contentSize + (single ? 0 : 1);
        this.#read('header', idSize + sizes);
        return;
      }
      case 'header':
        this.#read('block', 3);
        return;
      case 'block': {
        const type = (value >> 1) & 3;
        this.#last = (value & 1) !== 0;
        // A run: one byte, and how often.
        this.#skip = type === 1 ? 1 : value >>> 3;
        if (!this.#last) this.#read('block', 3);
        else if (this.#checksum) this.#read('checksum', 4);
        else this.#end();
        return;
      }
      case 'skippable-size':
        this.#skip = value;
        this.#end();
        return;
      case 'checksum':
        this.#end();
        return;
      case 'padding':
      case 'unknown':
    }
  }

  #read(state: State, length: number): void {
    this.#state = state;
    this.#length = length;
    this.#have = 0;
    this.#value = 0;
  }

  #end(): void {
    this.#frames++;
    this.#read('magic', 4);
  }

  #betweenFrames(): boolean {
    return this.#state === 'magic' && this.#have === 0 && this.#skip === 0;
  }
}
