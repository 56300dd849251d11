import t from 'tap';
import { NetrcFile } from '../../src/auth/netrc-file.ts';

const find = (text: string, host: string): [string, string] | null => {
  const entry = NetrcFile.parse(text).find(host);
  return entry === null ? null : [entry.login, entry.password];
};

t.test('an entry over several lines, and on one', async (t) => {
  t.strictSame(find('machine a.test\nlogin u\npassword p\n', 'a.test'), ['u', 'p']);
  t.strictSame(find('machine a.test login u password p', 'A.TEST'), ['u', 'p']);
  t.strictSame(find('\tmachine\r\n  a.test  user u\r\npassword p account x', 'a.test'), ['u', 'p']);
  t.equal(find('machine a.test login u password p', 'b.a.test'), null);
});

t.test('the first entry for a host counts, the default where there is none', async (t) => {
  const text =
    'default login d password q\nmachine a login 1 password x\nmachine a login 2 password y';
  t.strictSame(find(text, 'a'), ['1', 'x']);
  t.strictSame(find(text, 'b'), ['d', 'q']);
});

t.test('a macro is passed over up to its empty line', async (t) => {
  const text = [
    'machine a login u password p',
    'macdef init',
    'machine b login evil password evil',
    'cd /pub',
    '',
    'machine c login v password q',
  ];
  t.strictSame(find(text.join('\n'), 'a'), ['u', 'p']);
  t.equal(find(text.join('\n'), 'b'), null);
  t.strictSame(find(text.join('\n'), 'c'), ['v', 'q']);
  t.strictSame(find(text.join('\r\n'), 'c'), ['v', 'q']);
  t.equal(find('macdef x\nmachine b login u password p', 'b'), null, 'or to the end');
});

t.test('quotes hold blanks and keywords together', async (t) => {
  t.strictSame(find('machine a login "machine b" password "p \\"q\\" \\\\"', 'a'), [
    'machine b',
    'p "q" \\',
  ]);
  t.strictSame(find('machine a login "" password p', 'a'), ['', 'p']);
});

t.test('comments are lines that begin with #; in a word it is a character', async (t) => {
  const text =
    '# machine a login x password x\nmachine a login u#1 password #p\n  # default login x\n';
  t.strictSame(find(text, 'a'), ['u#1', '#p']);
  t.equal(find(text, 'b'), null);
});

t.test('what is broken is no entry, and breaks nothing', async (t) => {
  for (const text of [
    '',
    'machine',
    'machine a',
    'machine a login',
    'login u password p',
    '"',
    'x y z',
    'macdef',
  ]) {
    t.equal(find(text, 'a'), null, JSON.stringify(text));
  }
  t.ok(NetrcFile.parse('# nothing').isEmpty);
  t.notOk(NetrcFile.parse('default login x').isEmpty);
});

t.test('long files are read in a time that grows with their length alone', async (t) => {
  for (const text of [
    'machine a '.repeat(30_000),
    '#'.repeat(300_000),
    ' '.repeat(300_000),
    '\n#'.repeat(150_000),
    `macdef x\n${'a\n'.repeat(100_000)}`,
    `"${'\\"'.repeat(150_000)}`,
    'macdef x '.repeat(30_000),
  ]) {
    const started = performance.now();
    NetrcFile.parse(text);
    t.ok(performance.now() - started < 1000, JSON.stringify(text.slice(0, 12)));
  }
});
