import t from 'tap';
import { parse, print, type StoredInteraction } from '../../src/cassette/format.ts';

const interaction: StoredInteraction = {
  note: 'edited by hand',
  request: { method: 'GET', url: 'http://h/', headers: { accept: '*/*' } },
  response: {
    status: 200,
    headers: { 'set-cookie': ['a=1', 'b=2'] },
    body: { json: { at: [1, 2], text: '[\n  1,\n  2\n]' } },
    timing: { head: 3, pieces: [[0, 20]] },
  },
};

t.test('a file is laid out for people, and read as it was', async (t) => {
  const text = print([interaction]);
  t.ok(text.endsWith('}\n'));
  t.match(text, '"at": [1, 2],', 'a pair is one line');
  t.match(text, '"text": "[\\n  1,\\n  2\\n]"', 'not in a string');
  t.match(text, '"version": 1');
  t.strictSame(parse(text, 'x.json'), [interaction]);
  t.equal(print(parse(text, 'x.json')), text);
});

t.test('what was edited to be no cassette is told with its place', async (t) => {
  const file = (change: object): string =>
    JSON.stringify({ format: 'strata-http cassette', version: 1, interactions: [], ...change });
  const one = (change: object): string => file({ interactions: [{ ...interaction, ...change }] });
  const request = (change: object): string =>
    one({ request: { ...interaction.request, ...change } });
  const response = (change: object): string =>
    one({ response: { ...interaction.response, ...change } });
  const error = { code: 'ERR_READ', message: 'm' };
  const bad: [text: string, message: string | RegExp][] = [
    ['{', /^cassette x\.json: not JSON: /],
    ['[]', 'the file: expected an object, got a list'],
    [file({ format: 'har' }), 'format: expected "strata-http cassette", got a string'],
    [file({ version: 2 }), 'version: expected 1, which is what is known, got 2'],
    [file({ interactions: {} }), 'interactions: expected a list, got an object'],
    [file({ interactions: [null] }), 'interactions[0]: expected an object, got null'],
    [
      one({ response: undefined }),
      'interactions[0]: expected one of response, error and unanswered',
    ],
    [one({ error }), 'interactions[0]: expected one of response, error and unanswered'],
    [one({ respone: {} }), 'interactions[0]: there is no "respone"; did you mean response?'],
    [one({ note: 1 }), 'interactions[0].note: expected a string, got 1'],
    [one({ request: undefined }), 'interactions[0].request: expected an object, got nothing'],
    [
      request({ method: undefined }),
      'interactions[0].request.method: expected a string, got nothing',
    ],
    [request({ url: '/x' }), 'interactions[0].request.url: expected an absolute URL'],
    [
      request({ headers: { a: 1 } }),
      'interactions[0].request.headers.a: expected a string, or a list of strings, got 1',
    ],
    [request({ headers: { 'a b': '' } }), /request\.headers: header name: expected a token/],
    [request({ body: {} }), 'interactions[0].request.body: expected one of json, text and base64'],
    [
      request({ body: { text: 1 } }),
      'interactions[0].request.body.text: expected a string, or a list of strings, got 1',
    ],
    [
      request({ body: { json: 1, text: '' } }),
      'interactions[0].request.body: expected one of json, text and base64',
    ],
    [
      response({ status: '200' }),
      'interactions[0].response.status: expected a whole number from 100 to 999, got a string',
    ],
    [
      response({ cut: false }),
      'interactions[0].response.cut: expected true, or nothing, got false',
    ],
    [
      response({ timing: { head: -1, pieces: [] } }),
      'interactions[0].response.timing.head: expected a number from 0, got -1',
    ],
    [
      response({ timing: { head: 0, pieces: [[0]] } }),
      'interactions[0].response.timing.pieces[0][1]: expected a number from 0, got nothing',
    ],
    [
      response({ error: { ...error, cause: { code: 1 } } }),
      'interactions[0].response.error.cause.code: expected a string, got 1',
    ],
  ];
  for (const [text, message] of bad) {
    t.throws(() => parse(text, 'x.json'), {
      name: 'TypeError',
      message: typeof message === 'string' ? `cassette x.json: ${message}` : message,
    });
  }
});
