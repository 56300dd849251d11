import t from 'tap';
import { inspect } from 'node:util';
import { Timeline, type ConnectionFacts, type OpeningMarks } from '../../src/messages/timeline.ts';
import { TIMED_PHASES } from '../../src/messages/timings.ts';
import { random as seeded } from '../support/random.ts';

/** A connection that was opened at these moments. */
function opened(marks: Partial<OpeningMarks> & { started: number }): ConnectionFacts {
  const opening = { resolved: undefined, connected: undefined, secured: undefined, ...marks };
  return { id: 1, protocol: 'http/1.1', remoteAddress: '127.0.0.1:80', tls: null, opening };
}

/** Its phases and how long they took, to a tenth of a millisecond. */
function phases({ spans }: Timeline): [string, number][] {
  return spans.map(({ phase, from, to }) => [phase, Math.round((to - from) * 10) / 10]);
}

t.test('what is not known yet is null', async (t) => {
  const { timings, started } = new Timeline();
  const { started: since, ...rest } = timings.toJSON();
  t.equal(since, started);
  t.same(new Set(Object.values(rest)), new Set([null]));
});

t.test('a new connection: every phase has its part, and the parts make up the whole', async (t) => {
  const timeline = new Timeline();
  const at = timeline.started;
  timeline.submitted();
  const facts = opened({ started: at + 1, resolved: at + 3, connected: at + 6, secured: at + 10 });
  timeline.connected(facts, false, at + 11);
  timeline.sent(at + 12);
  timeline.heard(at + 20);
  t.equal(timeline.timings.body, null, 'the body has not ended');
  t.equal(timeline.timings.total, null);
  timeline.end('done', undefined, at + 25);
  t.same(phases(timeline), [
    ['queued', 1],
    ['dns', 2],
    ['connect', 3],
    ['tls', 4],
    ['queued', 1],
    ['sent', 1],
    ['firstByte', 8],
    ['body', 5],
  ]);
  const { queued, total, reused, remoteAddress, protocol } = timeline.timings;
  t.match(Math.round(queued ?? 0), 2, 'the two waits are one figure');
  t.equal(total, 25);
  t.same([reused, remoteAddress, protocol], [false, '127.0.0.1:80', 'http/1.1']);
});

t.test('a connection used again: no dns, no connect, no tls', async (t) => {
  const timeline = new Timeline();
  const at = timeline.started;
  timeline.submitted();
  timeline.connected(opened({ started: at - 90, connected: at - 80 }), true, at + 2);
  timeline.sent(at + 3);
  timeline.heard(at + 4);
  timeline.end('done', undefined, at + 4);
  const { dns, connect, tls, queued, body, reused } = timeline.timings;
  t.same([dns, connect, tls], [null, null, null], 'null, and not 0');
  t.equal(Math.round(queued ?? -1), 2);
  t.equal(body, 0, 'it took place, in no time');
  t.equal(reused, true);
});

t.test(
  'of an opening that began for another request, what came after this one began counts',
  async (t) => {
    const timeline = new Timeline();
    const at = timeline.started;
    timeline.submitted();
    const facts = opened({ started: at - 5, resolved: at - 2, connected: at + 3, secured: at + 7 });
    timeline.connected(facts, false, at + 7);
    timeline.sent(at + 7);
    t.same(phases(timeline), [
      ['connect', 3],
      ['tls', 4],
      ['queued', 0],
      ['sent', 0],
    ]);
    t.equal(timeline.timings.dns, null);
  },
);

t.test('a failure ends the phase that it was in', async (t) => {
  const failed = (prepare: (timeline: Timeline, at: number) => void): [string, number][] => {
    const timeline = new Timeline();
    timeline.submitted();
    prepare(timeline, timeline.started);
    timeline.end('failed', new Error('no'), timeline.started + 50);
    return phases(timeline);
  };
  t.same(
    failed(() => {}),
    [['queued', 50]],
    'in the queue',
  );
  t.same(
    failed((timeline, at) => timeline.opening({}, at + 10)),
    [
      ['queued', 10],
      ['connect', 40],
    ],
    'opening, where nothing is known of that',
  );
  for (const phase of ['dns', 'connect', 'tls'] as const) {
    const spans = failed((timeline, at) => {
      const marks = {
        started: at + 10,
        resolved: phase === 'dns' ? undefined : at + 20,
        connected: phase === 'tls' ? at + 30 : undefined,
        secured: undefined,
      };
      timeline.opening({ progress: { ...marks, phase } }, at + 10);
    });
    t.same(spans[0], ['queued', 10]);
    t.equal(spans.at(-1)?.[0], phase);
    t.equal(
      spans.reduce((sum, [, took]) => sum + took, 0),
      50,
    );
  }
  const facts = opened({ started: 0 });
  t.same(
    failed((timeline, at) => timeline.connected(facts, true, at + 10)),
    [
      ['queued', 10],
      ['sent', 40],
    ],
    'sending',
  );
  t.same(
    failed((timeline, at) => {
      timeline.connected(facts, true, at + 10);
      timeline.sent(at + 20);
    }).at(-1),
    ['firstByte', 30],
    'waiting',
  );
  t.same(
    failed((timeline, at) => {
      timeline.connected(facts, true, at + 10);
      timeline.sent(at + 20);
      timeline.heard(at + 30);
    }).at(-1),
    ['body', 20],
    'in the body',
  );
});

t.test('an answer that comes before all is sent ends the sending', async (t) => {
  const timeline = new Timeline();
  const at = timeline.started;
  timeline.submitted();
  timeline.connected(opened({ started: at }), true, at);
  timeline.heard(at + 5);
  timeline.sent(at + 8);
  timeline.end('done', undefined, at + 9);
  t.same(phases(timeline), [
    ['queued', 0],
    ['sent', 5],
    ['firstByte', 0],
    ['body', 4],
  ]);
});

t.test('a dead connection is counted, and the time with it is a wait', async (t) => {
  const timeline = new Timeline();
  const at = timeline.started;
  timeline.submitted();
  timeline.connected(opened({ started: at - 50 }), true, at + 1);
  timeline.sent(at + 2);
  timeline.opening({}, at + 5);
  timeline.connected(opened({ started: at + 5, connected: at + 8 }), false, at + 8);
  timeline.sent(at + 9);
  timeline.heard(at + 10);
  timeline.end('done', undefined, at + 10);
  t.equal(timeline.repeats, 1);
  t.same(phases(timeline), [
    ['queued', 5],
    ['connect', 3],
    ['queued', 0],
    ['sent', 1],
    ['firstByte', 1],
    ['body', 0],
  ]);
});

t.test('without a pool, the time to the head is all that is known', async (t) => {
  const timeline = new Timeline();
  const at = timeline.started;
  timeline.heard(at + 5);
  timeline.heard(at + 7);
  timeline.end('closed', undefined, at + 9);
  timeline.end('failed', new Error('too late to tell'), at + 10);
  t.same(phases(timeline), [
    ['firstByte', 5],
    ['body', 4],
  ]);
  t.equal(timeline.outcome, 'closed', 'the first to say so is right');
  t.equal(timeline.error, undefined);
});

t.test('it may be submitted again, and begins again then', async (t) => {
  const timeline = new Timeline();
  const at = timeline.started;
  timeline.submitted();
  timeline.connected(opened({ started: at }), false, at + 1);
  timeline.end('done', undefined, at + 2);
  timeline.submitted();
  t.equal(timeline.outcome, null);
  t.equal(timeline.timings.remoteAddress, null);
  timeline.connected(opened({ started: at }), true, at + 3);
  timeline.end('done', undefined, at + 4);
  t.same(phases(timeline), [
    ['queued', 3],
    ['sent', 1],
  ]);
  t.equal(timeline.repeats, 0);
});

t.test('timings print and serialise as they are at the moment', async (t) => {
  const timeline = new Timeline();
  timeline.end('failed', undefined, timeline.started + 7);
  const written = JSON.parse(JSON.stringify(timeline.timings)) as Record<string, unknown>;
  t.same(Object.keys(written), [
    'started',
    ...TIMED_PHASES,
    'total',
    'reused',
    'remoteAddress',
    'protocol',
  ]);
  t.equal(written['total'], 7);
  t.match(inspect(timeline.timings), /firstByte: 7,.*total: 7,/s);
});

t.test('each has an id of its own', async (t) => {
  t.not(new Timeline().id, new Timeline().id);
});

t.test(
  'whatever comes in whatever order: no phase is negative, and all make up the total',
  async (t) => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = seeded(seed);
      const timeline = new Timeline();
      const at = timeline.started;
      const sometime = (): number => at + random.int(-20, 60);
      if (random() < 0.8) timeline.submitted();
      if (random() < 0.5) timeline.opening({}, at + random.int(0, 10));
      if (random() < 0.7) {
        const facts = opened({
          started: sometime(),
          resolved: random() < 0.5 ? sometime() : undefined,
          connected: random() < 0.5 ? sometime() : undefined,
          secured: random() < 0.5 ? sometime() : undefined,
        });
        timeline.connected(facts, random() < 0.5, at + random.int(0, 40));
      }
      if (random() < 0.7) timeline.sent(at + random.int(0, 60));
      if (random() < 0.7) timeline.heard(at + random.int(0, 60));
      timeline.end('done', undefined, at + 60);
      const { timings } = timeline;
      const parts = TIMED_PHASES.map((phase) => timings[phase] ?? 0);
      t.ok(
        parts.every((part) => part >= 0),
        `seed ${seed}: ${parts.join(' ')}`,
      );
      const sum = parts.reduce((all, part) => all + part, 0);
      t.ok(Math.abs(sum - 60) < 1e-6, `seed ${seed}: ${sum}`);
    }
  },
);
