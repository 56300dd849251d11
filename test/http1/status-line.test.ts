import t from 'tap';
import { accepts, rejects, violationOf } from './feed.ts';

const END = '\r\nContent-Length: 0\r\n\r\n';

t.test('status lines that are taken', async (t) => {
  const table: [line: string, status: number, statusText: string, minor?: number][] = [
    ['HTTP/1.1 200 OK', 200, 'OK'],
    ['HTTP/1.1 200 ok', 200, 'ok'],
    ['HTTP/1.1 404 Not Found', 404, 'Not Found'],
    // RFC 9112 §4: the phrase may be empty, but its space may not be missing; it often is.
    ['HTTP/1.1 200 ', 200, ''],
    ['HTTP/1.1 200', 200, ''],
    ['HTTP/1.0 303 ', 303, '', 0],
    ['HTTP/1.0 303', 303, '', 0],
    ['HTTP/1.1 200  OK', 200, ' OK'],
    ['HTTP/1.1 200 OK ', 200, 'OK '],
    ['HTTP/1.1 200 \t', 200, '\t'],
    ['HTTP/1.1 200 a\tb', 200, 'a\tb'],
    ['HTTP/1.1 200 OK: fine', 200, 'OK: fine'],
    ['HTTP/1.1 500 Ori\xc3\xabntatieprobleem', 500, 'Ori\xc3\xabntatieprobleem'],
    ['HTTP/1.1 200 \x80\xff~!', 200, '\x80\xff~!'],
    ['HTTP/1.1 200 HTTP/1.1 404 Not Found', 200, 'HTTP/1.1 404 Not Found'],
    ['HTTP/1.1 299 Odd', 299, 'Odd'],
    ["HTTP/1.1 418 I'm a teapot", 418, "I'm a teapot"],
    ['HTTP/1.1 600 Beyond', 600, 'Beyond'],
    ['HTTP/1.1 999 DOES IT MATTER', 999, 'DOES IT MATTER'],
  ];
  for (const [line, status, statusText, minor = 1] of table)
    accepts(t, JSON.stringify(line), line + END, { status, statusText, minor, framing: 0 });
});

t.test('every minor version of HTTP/1 is taken: what it adds, it must let us ignore', async (t) => {
  for (let minor = 0; minor <= 9; minor++)
    accepts(t, `HTTP/1.${minor}`, `HTTP/1.${minor} 200 OK${END}`, { minor, status: 200 });
});

t.test('status lines that are refused', async (t) => {
  const expected = 'expected a status line';
  const table: [line: string, offence: string | RegExp][] = [
    // The version.
    ['http/1.1 200 OK', expected],
    ['Http/1.1 200 OK', expected],
    ['HTTP/2.0 200 OK', expected],
    ['HTTP/2 200', expected],
    ['HTTP/0.9 200 OK', expected],
    ['HTTP/3.1 200 OK', expected],
    ['HTTP/5.6 200 OK', expected],
    ['HTTP/11.1 200 OK', expected],
    ['HTTP/01.1 200 OK', expected],
    ['HTTP/1.10 200 OK', expected],
    ['HTTP/1.01 200 OK', expected],
    ['HTTP/1.100000000002 200 OK', expected],
    ['HTTP/1. 200 OK', expected],
    ['HTTP/1 200 OK', expected],
    ['HTTP/11 200 OK', expected],
    ['HTTP/1,1 200 OK', expected],
    ['HTTP/1.-1 200 OK', expected],
    ['HTTP/1.x 200 OK', expected],
    ['HTTP/1.: 200 OK', expected],
    ['HTTP/1./ 200 OK', expected],
    ['HTTP/A.B 200 OK', expected],
    ['HTTP /1.1 200 OK', expected],
    ['HTTP/ 1.1 200 OK', expected],
    ['HTP/1.1 200 OK', expected],
    ['HTTPER/1.1 200 OK', expected],
    ['RTSP/1.1 200 OK', expected],
    ['ICE/1.1 200 OK', expected],
    ['ICY 200 OK', expected],
    [' HTTP/1.1 200 OK', expected],
    ['\tHTTP/1.1 200 OK', expected],
    ['\xef\xbb\xbfHTTP/1.1 200 OK', expected],
    ['200 OK', expected],
    ['OK', expected],
    // The status.
    ['HTTP/1.1', expected],
    ['HTTP/1.1 ', expected],
    ['HTTP/1.1 2', expected],
    ['HTTP/1.1 20', expected],
    ['HTTP/1.1 2 OK', expected],
    ['HTTP/1.1 20 OK', expected],
    ['HTTP/1.1 2000 OK', expected],
    ['HTTP/1.1 2000', expected],
    ['HTTP/1.1 20000000000000000000 OK', expected],
    ['HTTP/1.1 000 OK', expected],
    ['HTTP/1.1 099 OK', expected],
    ['HTTP/1.1 99 OK', expected],
    ['HTTP/1.1 -10 OK', expected],
    ['HTTP/1.1 +20 OK', expected],
    ['HTTP/1.1 2.0 OK', expected],
    ['HTTP/1.1 20X OK', expected],
    ['HTTP/1.1 2/0 OK', expected],
    ['HTTP/1.1 2:0 OK', expected],
    ['HTTP/1.1 /00 OK', expected],
    ['HTTP/1.1 :00 OK', expected],
    ['HTTP/1.1 20/ OK', expected],
    ['HTTP/1.1 20: OK', expected],
    ['HTTP/1.1 c8 OK', expected],
    ['HTTP/1.1 0xc8 OK', expected],
    ['HTTP/1.1 OK', expected],
    ['HTTP/1.1  Unknown', expected],
    ['HTTP/1.1 \xb2\xb0\xb0 OK', expected],
    // What stands between.
    ['HTTP/1.1  200 OK', expected],
    ['HTTP/1.1\t200 OK', expected],
    ['HTTP/1.1 \t200 OK', expected],
    ['HTTP/1.1 200\tOK', expected],
    ['HTTP/1.1 200OK', expected],
    ['HTTP/1.1 200-OK', expected],
    ['HTTP/1.1:200 OK', expected],
    // What ends it.
    ['HTTP/1.1 200 OK\n', 'a bare LF in a status line'],
    ['HTTP/1.1 200\nOK', 'a bare LF in a status line'],
    ['HTTP/1.1 200 OK\r', 'a bare CR in the status line'],
    ['HTTP/1.1 200 OK\rContent-Length: 0', 'a bare CR in the status line'],
    ['HTTP/1.1 200 OK\r\rContent-Length: 4', 'a bare CR in the status line'],
    ['HTTP/1.1 200\rOK', 'a bare CR in the status line'],
    ['HTTP/1.1\r200 OK', expected],
    // Controls.
    ['HTTP/1.1 200 OK\0xxxx', '0x00 in a status line'],
    ['HTTP/1.1 200 \0', '0x00 in a status line'],
    ['HTTP/1.1 2\x000 OK', '0x00 in a status line'],
    ['HTTP/1.1 200 \x1b[2J', '0x1b in a status line'],
    ['HTTP/1.1 200 \x7f', '0x7f in a status line'],
    ['HTTP/1.1 200 \x0b', '0x0b in a status line'],
  ];
  for (const [line, offence] of table) rejects(t, JSON.stringify(line), line + END, offence);
});

t.test('of all 256 bytes, a reason phrase has those that a field value has', async (t) => {
  const wrong: number[] = [];
  for (let code = 0; code < 256; code++) {
    const isText = code === 9 || (code >= 0x20 && code !== 0x7f);
    const violation = violationOf(`HTTP/1.1 200 a${String.fromCharCode(code)}b${END}`);
    if ((violation === null) !== isText) wrong.push(code);
  }
  t.same(wrong, []);
});

t.test('what is not HTTP/1 is known by its first bytes, without waiting for a line', async (t) => {
  const table = [
    '<html>',
    'S',
    'h',
    'HTTP/2',
    'HTTP/1,',
    'HT\0',
    'SSH-2.0-OpenSSH_9.6',
    '\x15\x03\x01\x00\x02\x02',
  ];
  for (const start of table) rejects(t, JSON.stringify(start), start, 'expected a status line');
  for (const start of ['H', 'HTTP', 'HTTP/1.', 'HTTP/1.1 2', '\r\nHTTP/1'])
    t.equal(violationOf(start), null, JSON.stringify(start));
});

t.test('empty lines before a status line are skipped', async (t) => {
  const response = `HTTP/1.1 200 OK${END}`;
  // RFC 9112 §2.2 says it of servers. llhttp, hyper and the browsers do it, and servers that send one CRLF too many have met no other.
  accepts(t, 'one', `\r\n${response}`, { status: 200, framing: 0 });
  accepts(t, 'two', `\r\n\r\n${response}`, { status: 200, framing: 0 });
  accepts(t, 'before an interim response', `\r\nHTTP/1.1 100 Continue\r\n\r\n${response}`, {
    interim: [{ status: 100 }],
    status: 200,
  });
  accepts(t, 'after one', `HTTP/1.1 100 Continue\r\n\r\n\r\n${response}`, {
    interim: [{ status: 100 }],
    status: 200,
  });
  rejects(t, 'a bare CR', `\r${response}`, 'a bare CR before the status line');
  rejects(t, 'a CR too many', `\r\r\n${response}`, 'a bare CR before the status line');
  rejects(t, 'a bare LF', `\n${response}`, 'expected a status line');
  rejects(t, 'a bare LF after CRLF', `\r\n\n${response}`, 'expected a status line');
  rejects(t, 'white space', ` \r\n${response}`, 'expected a status line');
  rejects(t, 'white space after it', `\r\n ${response}`, 'expected a status line');
  rejects(t, 'no status line', '\r\nContent-Length: 0\r\n\r\n', 'expected a status line');
  rejects(t, 'without end', '\r\n'.repeat(60), 'maxHeadBytes', { limits: { maxHeadBytes: 100 } });
});

t.test('a violation shows the line, and no byte beyond what was pushed', async (t) => {
  t.equal(
    violationOf('nope'),
    'expected a status line, HTTP/1.x and a status of three digits, got "nope"',
  );
  t.match(violationOf(`x${'y'.repeat(500)}`), /got "xy{59}"$/);
  t.notMatch(violationOf('HT\0'), /0\.0/);
});
