import { isDeepStrictEqual } from 'node:util';
import t from 'tap';
import { random, type Random } from '../support/random.ts';
import { feed, type Feeder } from './feed.ts';
import { randomResponse } from './random-response.ts';

/** Each sample has a seed of its own: one that fails is run again by itself. */
const FIRST_SEED = 1;
const RESPONSES = 3000;
const MUTANTS = 6000;
/** Slow machines try fewer. */
const TIME = 2000;
/** Bytes that mean something somewhere in the grammar. */
const SIGNIFICANT: readonly number[] = [
  ...Buffer.from('\0\t\n\r "(),:;=\\\x7f\x80\xff01aAfFgHxX-', 'latin1'),
];

t.test('what is written as a response is read as that response, wherever it is cut', async (t) => {
  const started = performance.now();
  let count = 0;
  for (; count < RESPONSES && performance.now() - started < TIME; count++) {
    const seed = FIRST_SEED + count;
    const r = random(seed);
    const { bytes, expected, options } = randomResponse(r);
    const { reading, faults } = feed(bytes, options, randomCuts(r, bytes.length));
    const { head, interim, body, trailers } = reading;
    const isRight =
      isDeepStrictEqual({ ...head, interim, body, trailers }, expected) &&
      reading.violation === null &&
      reading.complete === (expected.framing !== 'tunnel') &&
      reading.taken === bytes.length &&
      faults.length === 0;
    if (isRight) continue;
    t.same({ ...head, interim, body, trailers }, expected, `seed ${seed}`, {
      seed,
      wire: bytes.toString('latin1'),
      reading,
      faults,
    });
    break;
  }
  t.ok(count > 100, `${count} responses`);
});

t.test('a mutant is a response or a violation, the same wherever it is cut', async (t) => {
  const started = performance.now();
  let count = 0;
  let violations = 0;
  for (; count < MUTANTS && performance.now() - started < TIME; count++) {
    const seed = FIRST_SEED + count;
    const r = random(seed);
    const { bytes, options } = randomResponse(r);
    const mutant = mutated(r, bytes);
    const limits = r.pick([{}, {}, { maxHeadBytes: 150, maxFields: 4, maxChunkLine: 20 }]);
    const given = { ...options, limits, close: r.pick([true, false]) };
    const whole = feed(mutant, given);
    if (whole.reading.violation !== null) violations++;
    const cut = feed(mutant, given, randomCuts(r, mutant.length), Buffer.from(r.bytes(6)));
    const one = feed(
      mutant,
      given,
      Array.from({ length: mutant.length }, (_, i) => i),
    );
    const isRight =
      isDeepStrictEqual(outcome(cut), outcome(whole)) &&
      isDeepStrictEqual(outcome(one), outcome(whole)) &&
      [whole, cut, one].every((feeder) => feeder.faults.length === 0);
    if (isRight) continue;
    t.same([outcome(cut), outcome(one)], [outcome(whole), outcome(whole)], `seed ${seed}`, {
      seed,
      wire: mutant.toString('latin1'),
      faults: [whole.faults, cut.faults, one.faults],
    });
    break;
  }
  t.ok(count > 100, `${count} mutants`);
  t.ok(violations > count / 10 && violations < count, `${violations} of them are refused`);
});

/** What must not depend on the cuts: all but the words of a violation, which may show more or less of a line. */
function outcome({ reading }: Feeder): object {
  const { taken, violation, ...rest } = reading;
  return violation === null ? { ...rest, taken } : { ...rest, violation: true };
}

function randomCuts(r: Random, length: number): number[] {
  const count = r.pick([0, 1, 2, r.int(3, 30)]);
  return Array.from({ length: count }, () => r.int(0, length)).sort((a, b) => a - b);
}

/** Some bytes changed, put in, taken out, moved or doubled. */
function mutated(r: Random, bytes: Buffer): Buffer {
  let mutant = bytes;
  for (let i = r.pick([1, 1, 1, 2, 5]); i > 0; i--) {
    const at = r.int(0, Math.min(mutant.length, r.pick([20, 100, 10_000])));
    const to = Math.min(mutant.length, at + r.pick([1, 1, 2, 20]));
    const significant = Buffer.of(r.pick(SIGNIFICANT));
    const middle = r.pick([
      () => significant,
      () => Buffer.from(r.bytes(1)),
      () => Buffer.alloc(0),
      () => Buffer.concat([significant, mutant.subarray(at, to)]),
      () => Buffer.concat([mutant.subarray(at, to), mutant.subarray(at, to)]),
      () => Buffer.from(mutant.subarray(at, to)).reverse(),
      () =>
        Buffer.from(
          r.pick([
            '\r\n',
            '\r\n\r\n',
            '\n',
            '\r',
            'Content-Length: 5\r\n',
            'Transfer-Encoding: chunked\r\n',
          ]),
        ),
    ])();
    mutant = Buffer.concat([mutant.subarray(0, at), middle, mutant.subarray(to)]);
  }
  return mutant;
}
