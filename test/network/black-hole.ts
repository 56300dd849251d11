import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';

/*
 * A thread that listens and then sleeps: the kernel takes connections until the queue is full, and
 * leaves the SYN of any other without an answer.
 */
const LISTENER = `
  const { workerData, parentPort } = require('node:worker_threads');
  const server = require('node:net').createServer((socket) => socket.on('error', () => {}).end());
  server.listen({ host: workerData.host, port: workerData.port, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(workerData.awake, 0, 0);
    parentPort.once('message', () => process.exit());
  });
`;

/** An address of loopback where an attempt to connect stays pending: neither accepted nor refused. */
export class BlackHole implements AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly #worker: Worker;
  readonly #awake: Int32Array;
  readonly #fillers: readonly Socket[];

  private constructor(
    host: string,
    port: number,
    worker: Worker,
    awake: Int32Array,
    fillers: Socket[],
  ) {
    this.host = host;
    this.port = port;
    this.#worker = worker;
    this.#awake = awake;
    this.#fillers = fillers;
  }

  static async open(host: string, port = 0): Promise<BlackHole> {
    const awake = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(LISTENER, { eval: true, workerData: { host, port, awake } });
    const [listening] = (await once(worker, 'message')) as [number];
    // A backlog of 1 is a queue for 2. The third is the first that stays pending.
    const fillers = Array.from({ length: 3 }, () => connect({ host, port: listening }));
    for (const filler of fillers) filler.on('error', () => {});
    await Promise.all(fillers.slice(0, 2).map((filler) => once(filler, 'connect')));
    return new BlackHole(host, listening, worker, awake, fillers);
  }

  /** Accepts from now on. Those that are pending get through when they send their SYN again, after a second. */
  wake(): void {
    Atomics.store(this.#awake, 0, 1);
    Atomics.notify(this.#awake, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.wake();
    for (const filler of this.#fillers) filler.destroy();
    const exit = once(this.#worker, 'exit');
    this.#worker.postMessage('exit');
    await exit;
  }
}
