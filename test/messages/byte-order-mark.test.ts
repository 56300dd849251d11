import t from 'tap';
import { Request } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import { boundaryOf, markedEncoding } from '../../src/messages/text.ts';
import { StubSource } from '../support/stub-source.ts';

const TEXT = 'aé€😀\ufeffz';

function utf16be(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16();
}

const MARKED: [encoding: string, bytes: Buffer][] = [
  ['utf-8', Buffer.from(`\ufeff${TEXT}`)],
  ['utf-16le', Buffer.from(`\ufeff${TEXT}`, 'utf16le')],
  ['utf-16be', utf16be(`\ufeff${TEXT}`)],
];

async function textFrom(source: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const piece of source) text += piece;
  return text;
}

// WHATWG Encoding §6, "decode": "this takes precedence over a label".
t.test('a byte order mark tells the encoding, whatever the headers say', async (t) => {
  for (const [encoding, bytes] of MARKED) {
    for (const type of ['text/plain', 'text/plain; charset=latin1', 'text/plain; charset=utf-8']) {
      const headers = { 'content-type': type };
      const whole = new Response(200, { headers, body: bytes });
      t.equal(await whole.text(), TEXT);
      t.equal(whole.encoding, encoding);
      for (let at = 0; at <= bytes.length; at++) {
        const body = new StubSource(bytes.subarray(0, at), bytes.subarray(at));
        t.equal(await textFrom(new Response(200, { headers, body }).iterText()), TEXT);
      }
      const body = new StubSource(...Array.from(bytes, (byte) => Uint8Array.of(byte)));
      t.equal(await textFrom(new Response(200, { headers, body }).iterText()), TEXT);
    }
  }
});

t.test('what is set by hand counts more', async (t) => {
  const response = new Response(200, { body: Buffer.from('\ufeffé') });
  response.encoding = 'latin1';
  t.equal(await response.text(), 'ï»¿Ã©');
});

t.test('what only begins like a mark is none', async (t) => {
  const cases: [number[], string][] = [
    [[], ''],
    [[0xef], 'ï'],
    [[0xef, 0xbb], 'ï»'],
    [[0xef, 0xbb, 0x61], 'ï»a'],
    [[0xef, 0x61], 'ïa'],
    [[0xfe], 'þ'],
    [[0xfe, 0xfe], 'þþ'],
    [[0xff], 'ÿ'],
    [[0xff, 0x61, 0x61, 0x61], 'ÿaaa'],
  ];
  for (const [bytes, text] of cases) {
    t.equal(markedEncoding(Uint8Array.from(bytes)), null);
    const request = new Request('GET', 'http://h/', { defaultEncoding: 'latin1' });
    const whole = new Response(200, { request, body: Uint8Array.from(bytes) });
    t.equal(await whole.text(), text);
    const body = new StubSource(...bytes.map((byte) => Uint8Array.of(byte)));
    t.equal(await textFrom(new Response(200, { request, body }).iterText()), text);
  }
});

t.test('who finds the encoding by the bytes is not asked where a mark tells it', async (t) => {
  const asked: number[] = [];
  const defaultEncoding = (bytes: Uint8Array): string => {
    asked.push(bytes.byteLength);
    return 'latin1';
  };
  const request = new Request('GET', 'http://h/', { defaultEncoding });
  t.equal(await new Response(200, { request, body: Buffer.from('\ufeffé') }).text(), 'é');
  t.same(asked, []);
  t.equal(await new Response(200, { request, body: Uint8Array.of(0xe9) }).text(), 'é');
  t.same(asked, [1]);
});

t.test('who finds no encoding leaves it at UTF-8', async (t) => {
  for (const none of [null, undefined]) {
    const request = new Request('GET', 'http://h/', { defaultEncoding: () => none });
    t.equal(await new Response(200, { request, body: Buffer.from('é') }).text(), 'é');
  }
});

t.test('the boundary of a multipart type', async (t) => {
  const cases: [string, string | null][] = [
    ['multipart/form-data', null],
    ['multipart/form-data; boundary=abc', 'abc'],
    ['multipart/form-data; Boundary="a b;c"; x=y', 'a b;c'],
    ['multipart/form-data; boundary="a\\"b"', 'a"b'],
    ['multipart/form-data; charset=x;boundary=AbC', 'AbC'],
    ['multipart/form-data; boundary=', ''],
  ];
  for (const [type, boundary] of cases) t.equal(boundaryOf(type), boundary, type);
});
