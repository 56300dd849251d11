import type { Random } from '../support/random.ts';
import type { Expected, Field, FeedOptions } from './feed.ts';

/** A response and what is to come out of it. */
export interface Sample {
  readonly bytes: Buffer;
  readonly expected: Required<Expected>;
  readonly options: FeedOptions;
}

const TOKEN = "!#$%&'*+-.^_`|~09AZaz";
const TEXT = ' \t!"(),/:;<=>?@[]{}aZ09~\x80\xa0\xe9\xff';
const STATUSES = [200, 200, 200, 201, 204, 206, 301, 304, 404, 418, 500, 599, 999];
/** Names that are near those of framing, and frame nothing. */
const NEAR = [
  'Content-Lengt',
  'Content-Length-',
  'XTransfer-Encoding',
  'Connection',
  'Keep-Alive',
  'content_length',
];

/** A valid response, of whatever shape the grammar has for one. */
export function randomResponse(r: Random): Sample {
  const method = r.pick(['GET', 'GET', 'POST', 'HEAD', 'CONNECT']);
  const interim = Array.from({ length: r.pick([0, 0, 0, 1, 3]) }, () =>
    randomHead(r, r.pick([100, 102, 103, 199])),
  );
  const head = randomHead(r, r.pick(STATUSES));
  const { status, fields } = head;
  const isTunnel = method === 'CONNECT' && status < 300;
  const isBodiless = isTunnel || method === 'HEAD' || status === 204 || status === 304;
  let framing: Expected['framing'] = isTunnel ? 'tunnel' : 'none';
  let body = '';
  let wire = '';
  let trailers: Field[] | null = null;
  const kind = r.pick(['length', 'chunked', 'close'] as const);
  const content = isBodiless
    ? ''
    : Buffer.from(r.bytes(r.pick([0, 1, r.int(2, 40), r.int(41, 600)]))).toString('latin1');
  if (kind === 'length') {
    const digits = '0'.repeat(r.pick([0, 0, 3])) + content.length;
    insert(
      r,
      fields,
      ...Array.from({ length: r.pick([1, 1, 1, 2]) }, (): Field => [
        cased(r, 'Content-Length'),
        r.pick([digits, digits, `${digits}, ${digits}`]),
      ]),
    );
    if (!isBodiless) framing = content.length;
    wire = content;
  } else if (kind === 'chunked') {
    insert(
      r,
      fields,
      ...r.pick<Field[]>([
        [[cased(r, 'Transfer-Encoding'), cased(r, 'chunked')]],
        [['Transfer-Encoding', 'identity, chunked']],
        [
          ['Transfer-Encoding', 'chunked'],
          ['transfer-encoding', 'chunked'],
        ],
      ]),
    );
    if (!isBodiless) {
      framing = 'chunked';
      trailers = r.pick([0, 1]) === 0 ? null : randomFields(r, r.int(1, 3));
      wire = randomChunks(r, content, trailers ?? []);
    }
  } else if (!isBodiless) {
    framing = 'until-close';
    wire = content;
  }
  body = content;
  const text =
    [...interim, head].map((each) => r.pick(['', '', '', '\r\n']) + headText(r, each)).join('') +
    wire;
  return {
    bytes: Buffer.from(text, 'latin1'),
    expected: {
      ...head,
      framing,
      body,
      trailers,
      interim: interim.map(({ status, statusText, fields }) => ({ status, statusText, fields })),
    },
    options: { method, close: framing === 'until-close' },
  };
}

interface RandomHead {
  status: number;
  statusText: string;
  minor: number;
  fields: Field[];
}

function randomHead(r: Random, status: number): RandomHead {
  const statusText = r.pick(['', 'OK', 'Not Found', randomText(r, r.int(0, 12))]);
  return {
    status,
    statusText,
    minor: r.pick([1, 1, 1, 0, 7]),
    fields: randomFields(r, r.pick([0, 1, r.int(2, 9)])),
  };
}

function randomFields(r: Random, count: number): Field[] {
  return Array.from({ length: count }, () => {
    const name = r.pick([r.pick(NEAR), randomOf(r, TOKEN, r.int(1, 20))]);
    return [name, randomText(r, r.pick([0, 1, r.int(2, 50)])).replace(/^[\t ]+|[\t ]+$/g, '')];
  });
}

function headText(r: Random, { minor, status, statusText, fields }: RandomHead): string {
  const space = statusText === '' ? r.pick(['', ' ']) : ' ';
  return `HTTP/1.${minor} ${status}${space}${statusText}\r\n${linesText(r, fields)}\r\n`;
}

/** Field lines with white space around the values, and some folded at a space. */
function linesText(r: Random, fields: readonly Field[]): string {
  return fields
    .map(([name, value]) => {
      const folded =
        r.int(0, 9) === 0 ? value.replace(/(?<=[^\t ]) (?=[^\t ])/, ' \t\r\n \t ') : value;
      return `${name}:${randomOf(r, ' \t', r.int(0, 2))}${folded}${randomOf(r, ' \t', r.int(0, 2))}\r\n`;
    })
    .join('');
}

function randomChunks(r: Random, content: string, trailers: readonly Field[]): string {
  let text = '';
  for (let at = 0; at < content.length;) {
    const size = Math.min(content.length - at, r.pick([1, 2, r.int(3, 20), r.int(21, 400)]));
    text += `${randomSize(r, size)}${randomExtension(r)}\r\n${content.slice(at, at + size)}\r\n`;
    at += size;
  }
  return `${text}${randomSize(r, 0)}${randomExtension(r)}\r\n${linesText(r, trailers)}\r\n`;
}

function randomSize(r: Random, size: number): string {
  return cased(r, '0'.repeat(r.pick([0, 0, 0, 5])) + size.toString(16));
}

function randomExtension(r: Random): string {
  return r.pick([
    '',
    '',
    '',
    ';a',
    ';a=b',
    ' ; a = "b;\\"c"',
    ';a=;b="\x80 \t"',
    `;${randomOf(r, TOKEN, r.int(1, 9))}=${randomOf(r, TOKEN, r.int(1, 9))}`,
  ]);
}

function insert(r: Random, fields: Field[], ...added: Field[]): void {
  for (const field of added) fields.splice(r.int(0, fields.length), 0, field);
}

function cased(r: Random, text: string): string {
  return r.pick([text, text.toLowerCase(), text.toUpperCase()]);
}

function randomText(r: Random, length: number): string {
  return randomOf(r, TEXT, length);
}

function randomOf(r: Random, characters: string, length: number): string {
  return Array.from({ length }, () => characters[r.int(0, characters.length - 1)]).join('');
}
