import { memoryPair, type MemoryStream } from '../../src/network/memory-stream.ts';
import type {
  NetworkBackend,
  NetworkStream,
  NetworkTarget,
  Opening,
} from '../../src/network/stream.ts';
import type { Random } from './random.ts';
import { RequestReader } from './request-reader.ts';
import { turn } from './clock.ts';

/** Things that are about to happen, in an order that a seed decides. */
export class Scheduler {
  readonly #random: Random;
  readonly #tasks: (() => void)[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  get idle(): boolean {
    return this.#tasks.length === 0;
  }

  /** It will happen, at some time. */
  soon(task: () => void): void {
    this.#tasks.push(task);
  }

  /** Lets one of them happen, and what follows from it; now and then several before anything follows. */
  async step(): Promise<void> {
    const burst = this.#random() < 0.2 ? this.#random.int(2, 4) : 1;
    for (let i = 0; i < burst && this.#tasks.length > 0; i++) {
      const at = this.#random.int(0, this.#tasks.length - 1);
      const [task] = this.#tasks.splice(at, 1);
      task?.();
    }
    if (this.#random() < 0.3) await turn();
    else for (let i = this.#random.int(0, 6); i > 0; i--) await Promise.resolve();
  }
}

/** How far a request has come, as far as the network can see. */
export type Stage =
  | 'resolving'
  | 'connecting'
  | 'handshaking'
  | 'head'
  | 'body'
  | 'waiting'
  | 'answering'
  | 'answered';

/**
 * A network whose connections are opened in three steps, and whose servers do what servers do, each step when the scheduler says so, and
 * each of them fails sometimes. Every answer names the request that it is for.
 */
export class ScriptedNetwork implements NetworkBackend {
  readonly streams = new Set<MemoryStream>();
  readonly openings = new Set<ScriptedOpening>();
  /** Of every request that a server has heard of, by its path. */
  readonly stages = new Map<string, Stage>();
  readonly random: Random;
  readonly scheduler: Scheduler;
  /** How often things go wrong, from 0 to 1. */
  readonly faults: number;

  constructor(random: Random, scheduler: Scheduler, faults: number) {
    this.random = random;
    this.scheduler = scheduler;
    this.faults = faults;
  }

  open(target: NetworkTarget): Opening {
    return new ScriptedOpening(this, target);
  }

  goesWrong(): boolean {
    return this.random() < this.faults;
  }
}

const STEPS = ['resolving', 'connecting', 'handshaking'] as const;

class ScriptedOpening implements Opening {
  readonly stream: Promise<NetworkStream>;
  stage: Stage = 'resolving';
  readonly #network: ScriptedNetwork;
  #over = false;
  #resolve!: (stream: NetworkStream) => void;
  #reject!: (reason: Error) => void;

  constructor(network: ScriptedNetwork, target: NetworkTarget) {
    this.#network = network;
    this.stream = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.stream.catch(() => {});
    network.openings.add(this);
    this.#next(0, target);
  }

  cancel(reason: Error): void {
    if (this.#over) return;
    this.#end();
    this.#reject(reason);
  }

  #next(step: number, target: NetworkTarget): void {
    const { scheduler } = this.#network;
    scheduler.soon(() => {
      if (this.#over) return;
      if (this.#network.goesWrong()) {
        this.cancel(new Error(`failed while ${this.stage}`));
        return;
      }
      const stage = STEPS[step + 1];
      if (stage === undefined) this.#open();
      else {
        this.stage = stage;
        this.#next(step + 1, target);
      }
    });
  }

  #open(): void {
    this.#end();
    const [near, far] = memoryPair({ highWaterMark: 64 });
    const { streams } = this.#network;
    streams.add(near);
    const server = new ScriptedServer(this.#network, far, () => streams.delete(near));
    far.attach(server);
    this.#resolve(near);
  }

  #end(): void {
    this.#over = true;
    this.#network.openings.delete(this);
  }
}

/** The server's end of one connection. */
class ScriptedServer {
  readonly #network: ScriptedNetwork;
  readonly #stream: MemoryStream;
  readonly #onClosed: () => void;
  readonly #reader = new RequestReader();
  #gone = false;

  constructor(network: ScriptedNetwork, stream: MemoryStream, onClosed: () => void) {
    this.#network = network;
    this.#stream = stream;
    this.#onClosed = onClosed;
  }

  onBytes(buffer: Uint8Array, length: number): boolean {
    for (const event of this.#reader.feed(Buffer.from(buffer.subarray(0, length)))) {
      if (event.type === 'head') this.#begin(event.head.target, event.head.method);
      if (event.type === 'data') this.#network.stages.set(this.#path, 'body');
      if (event.type === 'end') this.#end();
    }
    if (this.#network.random() < 0.7) return true;
    this.#network.scheduler.soon(() => this.#stream.resume());
    return false;
  }

  #path = '';
  #method = '';
  #answering = false;
  #ending = false;

  #begin(path: string, method: string): void {
    this.#path = path;
    this.#method = method;
    this.#answering = false;
    this.#network.stages.set(path, 'head');
    if (!this.#network.goesWrong()) return;
    // Without waiting for the body.
    this.#answering = true;
    this.#misbehave(this.#network.random.pick(['early', 'reset', 'end', 'early'] as const));
  }

  #end(): void {
    if (this.#answering) return;
    this.#network.stages.set(this.#path, 'waiting');
    if (this.#network.goesWrong())
      this.#misbehave(
        this.#network.random.pick([
          'reset',
          'end',
          'garbage',
          'short',
          'more',
          'cut head',
        ] as const),
      );
    else this.#answer(false);
  }

  #misbehave(how: 'early' | 'reset' | 'end' | 'garbage' | 'short' | 'more' | 'cut head'): void {
    const { scheduler } = this.#network;
    if (how === 'early') {
      this.#write(
        `HTTP/1.1 413 Too Much\r\nContent-Length: ${this.#path.length}\r\n\r\n${this.#path}`,
      );
    } else if (how === 'reset') scheduler.soon(() => this.#stream.reset());
    else if (how === 'end') scheduler.soon(() => this.#stream.end());
    else if (how === 'garbage') this.#write('SSH-2.0\r\n\r\n');
    else if (how === 'cut head') {
      this.#write('HTTP/1.1 200 O');
      scheduler.soon(() => this.#stream.end());
    } else this.#answer(how === 'short', how === 'more');
  }

  /** `#path`, ten times over. */
  #answer(short: boolean, more = false): void {
    const { random, scheduler, stages } = this.#network;
    const path = this.#path;
    const body = this.#method === 'HEAD' ? '' : path.repeat(10);
    const known = ['length', 'length', 'chunked'] as const;
    const framing =
      short || more || this.#ending
        ? random.pick(known)
        : random.pick([...known, 'close'] as const);
    let head = 'HTTP/1.1 200 OK\r\n';
    if (random() < 0.2) head = `HTTP/1.1 103 Early Hints\r\n\r\n${head}`;
    if (random() < 0.1) head += 'Connection: close\r\n';
    if (framing === 'length') head += `Content-Length: ${path.length * 10}\r\n`;
    if (framing === 'chunked') head += 'Transfer-Encoding: chunked\r\n';
    let rest: string = body;
    if (framing === 'chunked' && this.#method !== 'HEAD')
      rest = `${body.length.toString(16)}\r\n${body}\r\n0\r\n${random() < 0.5 ? 'X-Trailer: 1\r\n' : ''}\r\n`;
    const whole = `${head}\r\n${rest}`;
    let bytes = short ? whole.slice(0, random.int(1, whole.length - 1)) : whole;
    if (more) bytes += 'more';
    const ends = short || framing === 'close' || random() < this.#network.faults / 2;
    // It may come in the middle of a later answer, which must not take it for its own end.
    if (ends) this.#ending = true;
    const cuts = random() < 0.4 ? 1 : random.int(2, 5);
    const size = Math.ceil(bytes.length / cuts);
    const next = (at: number): void => {
      if (this.#gone) return;
      if (at >= bytes.length) {
        stages.set(path, 'answered');
        if (ends)
          scheduler.soon(() =>
            random() < 0.3 && !ends ? this.#stream.reset() : this.#stream.end(),
          );
        return;
      }
      stages.set(path, 'answering');
      this.#stream.write(bytes.slice(at, at + size));
      scheduler.soon(() => next(at + size));
    };
    scheduler.soon(() => next(0));
  }

  #write(text: string): void {
    this.#network.scheduler.soon(() => {
      if (!this.#gone) this.#stream.write(text);
    });
  }

  nextBuffer(): undefined {
    return undefined;
  }

  onDrain(): void {}

  onEnd(): void {
    this.#network.scheduler.soon(() => this.#stream.end());
  }

  onClose(): void {
    this.#gone = true;
    this.#onClosed();
  }
}
