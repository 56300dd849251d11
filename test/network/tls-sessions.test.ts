import t from 'tap';
import { TLSSessions } from '../../src/network/tls-sessions.ts';

t.test('the hundred sessions that were used last are kept', async (t) => {
  const sessions = new TLSSessions();
  for (let i = 1; i <= 100; i++) sessions.set(`host ${i}`, Buffer.from([i]));
  sessions.get('host 1');
  sessions.set('host 2', Buffer.from('newer'));
  sessions.set('host 101', Buffer.from([101]));
  sessions.set('host 102', Buffer.from([102]));
  t.equal(sessions.size, 100);
  t.strictSame(
    [1, 2, 3, 4, 5, 102].filter((i) => sessions.get(`host ${i}`) === undefined),
    [3, 4],
  );
  t.equal(String(sessions.get('host 2')), 'newer');
  sessions.delete('host 2');
  t.equal(sessions.get('host 2'), undefined);
  sessions.clear();
  t.equal(sessions.size, 0);
});
