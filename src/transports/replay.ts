import { CassetteFile } from '../cassette/file.ts';
import type { StoredInteraction } from '../cassette/format.ts';
import {
  checkMode,
  decided,
  inContinuousIntegration,
  type CassetteMode,
} from '../cassette/mode.ts';
import { rulesOf, type MatchRules } from '../cassette/matching.ts';
import { Player } from '../cassette/player.ts';
import { recordedRequest } from '../cassette/recorded-request.ts';
import { Recorder } from '../cassette/recorder.ts';
import {
  flag,
  recordingOf,
  RECORD_OPTION_NAMES,
  type Recording,
  type RecordOptions,
} from '../cassette/recording.ts';
import { inspect } from '../messages/inspect.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { Transport, type TransportLike } from '../transport.ts';
import { Calls, NO_TIMEOUTS, underWay, type Call } from './foreign/call.ts';
import { answer } from './replay/answer.ts';
import { ReplayError } from './replay/error.ts';
import { bodyInMemory, KeptContent } from './replay/request-body.ts';

export { ReplayError };

/** How a cassette is replayed, and how it is recorded. */
export interface ReplayOptions extends RecordOptions {
  /** Default `replay`. */
  mode?: CassetteMode | undefined;
  /** What is recorded: needed by every mode but `replay`. It is closed with this. */
  transport?: TransportLike | undefined;
  /** What of a request has to be as it was recorded. Default `['method', 'url', 'body']`. */
  match?: MatchRules | undefined;
  /** Whether the last answer to a request is given again when it is asked for more often than it was recorded. Default false. */
  repeat?: boolean | undefined;
  /** Whether `close()` throws what `assertDone()` does. With mode `update`, what was not asked for is left out of the file then. Default false. */
  strict?: boolean | undefined;
}

export const REPLAY_OPTION_NAMES: readonly string[] = [
  ...RECORD_OPTION_NAMES,
  'mode',
  'transport',
  'match',
  'repeat',
  'strict',
];

/**
 * Answers from a cassette: a file of requests and of what came of them, recorded by this transport or by `RecordMiddleware`.
 *
 *     const transport = new ReplayTransport('test/cassettes/users.json', { mode: 'auto', transport: new ConnectionPool() });
 *     const client = new Client({ transport });
 *
 * Each recorded answer is given once, and those to the same request in their order; a request that has none is refused with a `ReplayError`
 * that names the nearest one and what differs. Secrets are taken out of what is recorded, and, to compare, out of what is asked for.
 *
 * What is recorded is written by `close()`, as a whole: without that, or after `discard()`, nothing is.
 */
export class ReplayTransport extends Transport {
  /** What is done about requests: what `auto` stood for is decided. */
  readonly mode: Exclude<CassetteMode, 'auto'>;
  readonly #file: CassetteFile;
  readonly #recording: Recording;
  readonly #network: TransportLike | null;
  readonly #recorder: Recorder;
  readonly #player: Player;
  readonly #strict: boolean;
  /** What else a request that has no answer is told. */
  readonly #hint: string;
  readonly #misses: string[] = [];
  readonly #calls: Calls = new Calls('the replay transport');
  #discarded = false;
  #closed: Promise<void> | null = null;

  /**
   * `path`: relative to the working directory, or a `file:` URL. The file is read at once.
   * @throws TypeError on an option that is not what it has to be, and where the file is not a cassette.
   */
  constructor(path: string | URL, options: ReplayOptions = {}) {
    super();
    const where = 'ReplayTransport';
    this.#recording = recordingOf(where, options, REPLAY_OPTION_NAMES);
    const mode = checkMode(`${where}: mode`, options.mode ?? 'replay');
    const rules = rulesOf(options.match);
    const repeat = flag(where, 'repeat', options.repeat, false);
    this.#strict = flag(where, 'strict', options.strict, false);
    this.#network = networkFor(mode, options);
    this.#file = new CassetteFile(path);
    this.mode = decided(mode, this.#file.exists);
    this.#hint = this.#file.exists ? '' : howToRecord(mode);
    this.#recorder = new Recorder(this.#recording);
    const interactions = this.mode === 'record' ? [] : this.#file.interactions();
    this.#player = new Player(interactions, this.#recording.redaction, rules, repeat);
  }

  async send(request: Request): Promise<Response> {
    this.#calls.admit(request);
    if (this.#recording.passThrough(request)) return this.#fromNetwork().send(request);
    if (this.mode === 'record') return this.#recorder.send(request, this.#fromNetwork());
    return await underWay(this.#calls, request, NO_TIMEOUTS, (call) => this.#answer(call));
  }

  /** `interactions[1] GET https://host/path`, of each that is recorded and was not asked for so far. */
  get unused(): readonly string[] {
    return this.#player.unused;
  }

  /** @throws Error that lists the recorded answers that were not asked for, and the requests that had none. */
  assertDone(): void {
    const unused = this.mode === 'update' && this.#strict ? [] : this.unused;
    const all = [
      ...unused.map((each) => `not asked for: ${each}`),
      ...this.#misses.map((each) => `no answer: ${each}`),
    ];
    if (all.length > 0) throw new Error([`cassette ${this.#file.path}:`, ...all].join('\n  '));
  }

  /** For a test that has failed: `close()` leaves the file as it is, and does not assert anything. */
  discard(): void {
    this.#discarded = true;
  }

  /** Closes what it records, and writes the file. @throws what writing fails with, and, with `strict`, as `assertDone` does. */
  override close(): Promise<void> {
    return (this.#closed ??= this.#end());
  }

  override toString(): string {
    const { size } = this.#player;
    const played = `${size - this.unused.length} of ${size} replayed`;
    const state = {
      replay: played,
      record: `${this.#recorder.size} recorded`,
      update: `${played}, ${this.#recorder.size} recorded`,
    }[this.mode];
    return `ReplayTransport [${this.#file.path}: ${state}]`;
  }

  [inspect](): string {
    return `<${this.toString()}>`;
  }

  async #answer(call: Call): Promise<Response> {
    const { request } = call;
    const { redaction, timing } = this.#recording;
    const body = await bodyInMemory(call);
    const incoming = await call.wait(recordedRequest(request, body ?? NOTHING, redaction));
    const recorded = this.#player.take(incoming);
    if (recorded !== null) return await answer(call, recorded, timing);
    if (this.mode === 'update') {
      call.finish();
      const repeatable =
        body === null ? request : request.with({ body: KeptContent.of(request, body) });
      return await this.#recorder.send(repeatable, this.#fromNetwork());
    }
    const why = this.#hint === '' ? this.#player.whyNot(incoming) : this.#hint;
    this.#misses.push(`${incoming.toString()}; ${why}`);
    throw new ReplayError(`the cassette ${this.#file.path} has no answer: ${why}`, { request });
  }

  async #end(): Promise<void> {
    await this.#calls.close(0);
    try {
      await this.#network?.close();
    } finally {
      if (!this.#discarded && this.mode !== 'replay') await this.#file.write(await this.#result());
    }
    if (!this.#discarded && this.#strict) this.assertDone();
  }

  async #result(): Promise<StoredInteraction[]> {
    const kept = this.#player.interactions(this.#strict ? 'used' : 'all');
    return [...kept, ...(await this.#recorder.interactions())];
  }

  #fromNetwork(): TransportLike {
    return this.#network as TransportLike;
  }
}

const NOTHING = new Uint8Array(0);

/** @throws TypeError where there has to be one. */
function networkFor(
  mode: CassetteMode,
  { transport, passThrough }: ReplayOptions,
): TransportLike | null {
  if (typeof transport?.send === 'function') return transport;
  const needed = mode !== 'replay' ? `mode '${mode}'` : passThrough && 'passThrough';
  if (transport === undefined && needed === undefined) return null;
  throw new TypeError(
    `ReplayTransport: transport: expected one${needed === undefined ? '' : `, which ${needed} needs`}, got ${transport === null ? 'null' : typeof transport}`,
  );
}

function howToRecord(mode: CassetteMode): string {
  return mode === 'auto' && inContinuousIntegration()
    ? "there is no such file, and where CI is set the mode 'auto' does not record"
    : "there is no such file; the mode 'record' makes it";
}
