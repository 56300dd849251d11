import { gzipSync } from 'node:zlib';
import { inspect } from 'node:util';
import { Readable } from 'node:stream';
import t from 'tap';
import { toFetch, type AdaptedFetch } from '../../src/adapters/to-fetch.ts';
import { Client } from '../../src/client.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer, type OkHandler } from '../support/ok-server.ts';

assertNoLeaks(t);

/** What both fetches are to do with the server at `url`, and what is to come of it. */
type Behaviour = readonly [
  rule: string,
  run: (fetch: AdaptedFetch | typeof globalThis.fetch, url: string) => unknown,
  expected: unknown,
];

const routes: Record<string, OkHandler> = {
  '/json': (_, response) => {
    response.writeHead(200, 'Fine', {
      'content-type': 'application/json; charset=utf-8',
      'x-twice': ['a', 'b'],
      'set-cookie': ['a=1; Path=/', 'b=2'],
    });
    response.end('{"word":"Ünïcode"}');
  },
  '/mark': (_, response) => response.end('\ufeffmarked'),
  '/empty': (_, response) => response.end(),
  '/pieces': (_, response) => {
    response.write('one,');
    setImmediate(() => response.end('two'));
  },
  '/long': (_, response) => response.end('x'.repeat(300_000)),
  '/gzip': (_, response) => {
    const body = gzipSync('unpacked');
    response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': body.byteLength });
    response.end(body);
  },
  '/form': (_, response) => {
    response.writeHead(200, { 'content-type': 'application/x-www-form-urlencoded' });
    response.end('a=1&b=2');
  },
  '/204': (_, response) => response.writeHead(204).end(),
  '/205': (_, response) => response.writeHead(205).end(),
  '/304': (_, response) => response.writeHead(304, { etag: '"1"' }).end(),
  '/404': (_, response) => response.writeHead(404, { 'content-type': 'text/plain' }).end('nothing'),
  '/999': (_, response) => response.writeHead(999, 'Odd').end('odd'),
  '/moved': (_, response) => response.writeHead(302, { location: '/json?after#part' }).end('moved'),
};

const behaviours: readonly Behaviour[] = [
  [
    'status, statusText, ok, url, redirected and type',
    async (fetch, url) => {
      const { status, statusText, ok, url: at, redirected, type } = await fetch(`${url}/json#part`);
      return [status, statusText, ok, at.replace(url, ''), redirected, type];
    },
    [200, 'Fine', true, '/json', false, 'basic'],
  ],
  [
    'a status of failure resolves',
    async (fetch, url) => {
      const response = await fetch(`${url}/404`);
      return [response.status, response.ok, await response.text()];
    },
    [404, false, 'nothing'],
  ],
  [
    'a status that the constructor of Response refuses resolves',
    async (fetch, url) => {
      const response = await fetch(`${url}/999`);
      return [response.status, response.statusText, response.ok, await response.text()];
    },
    [999, 'Odd', false, 'odd'],
  ],
  [
    'it is a Response by instanceof, by its constructor and by its tag',
    async (fetch, url) => {
      const response = await fetch(`${url}/json`);
      return [
        response instanceof Response,
        response.constructor === Response,
        Object.prototype.toString.call(response),
        Object.keys(response),
        response.headers instanceof Headers,
        response.body instanceof ReadableStream,
        await response.text().then((text) => text.length),
      ];
    },
    [true, true, '[object Response]', [], true, true, 18],
  ],
  [
    'it can be added to',
    async (fetch, url) => {
      const response = await fetch(`${url}/empty`);
      return [Object.assign(response, { data: 1 }).data, Object.isExtensible(response)];
    },
    [1, true],
  ],
  [
    'headers are joined, in lower case, cookies apart',
    async (fetch, url) => {
      const { headers } = await fetch(`${url}/json`);
      const names = [...headers.keys()].filter((name) => name !== 'keep-alive');
      return [
        headers.get('X-Twice'),
        headers.getSetCookie(),
        headers.has('nothing'),
        names,
        new Headers(headers).get('x-twice'),
      ];
    },
    [
      'a, b',
      ['a=1; Path=/', 'b=2'],
      false,
      [
        'connection',
        'content-type',
        'date',
        'set-cookie',
        'set-cookie',
        'transfer-encoding',
        'x-twice',
      ],
      'a, b',
    ],
  ],
  ['json', async (fetch, url) => (await fetch(`${url}/json`)).json(), { word: 'Ünïcode' }],
  [
    'json of what is none is a SyntaxError',
    async (fetch, url) => named((await fetch(`${url}/mark`)).clone().text().then(JSON.parse)),
    'SyntaxError',
  ],
  [
    'json of nothing is a SyntaxError',
    async (fetch, url) => named((await fetch(`${url}/empty`)).json()),
    'SyntaxError',
  ],
  [
    'text is UTF-8 without its mark',
    async (fetch, url) => (await fetch(`${url}/mark`)).text(),
    'marked',
  ],
  [
    'arrayBuffer is a buffer of its own',
    async (fetch, url) => {
      const buffer = await (await fetch(`${url}/404`)).arrayBuffer();
      return [buffer instanceof ArrayBuffer, buffer.byteLength, Buffer.from(buffer).toString()];
    },
    [true, 7, 'nothing'],
  ],
  [
    'blob has the type',
    async (fetch, url) => {
      const blob = await (await fetch(`${url}/404`)).blob();
      return [blob.type, await blob.text()];
    },
    ['text/plain', 'nothing'],
  ],
  [
    'formData',
    // What is deprecated is to parse what comes from strangers.
    // oxlint-disable-next-line typescript/no-deprecated
    async (fetch, url) => [...(await (await fetch(`${url}/form`)).formData())],
    [
      ['a', '1'],
      ['b', '2'],
    ],
  ],
  [
    'a compressed body is decoded',
    async (fetch, url) => (await fetch(`${url}/gzip`)).text(),
    'unpacked',
  ],
  [
    'a long body',
    async (fetch, url) => (await (await fetch(`${url}/long`)).text()).length,
    300_000,
  ],
  ['a body in pieces', async (fetch, url) => (await fetch(`${url}/pieces`)).text(), 'one,two'],
  [
    'a body that was read is used, and locked',
    async (fetch, url) => {
      const response = await fetch(`${url}/json`);
      const { body } = response;
      const before = [response.bodyUsed, body?.locked];
      const text = response.text();
      const during = [response.bodyUsed, body?.locked];
      await text;
      return [before, during, [response.bodyUsed, response.body?.locked], response.body === body];
    },
    [[false, false], [true, true], [true, true], true],
  ],
  [
    'a body that was read without being looked at is used, and locked',
    async (fetch, url) => {
      const response = await fetch(`${url}/json`);
      await response.text();
      return [response.bodyUsed, response.body?.locked];
    },
    [true, true],
  ],
  [
    'a body is read once, in whichever way',
    async (fetch, url) => {
      const read = async (response: Response): Promise<Response> => {
        await response.text();
        return response;
      };
      const again = async (use: (response: Response) => unknown): Promise<unknown> =>
        named(read(await fetch(`${url}/json`)).then(use));
      return [
        await again((response) => response.text()),
        await again((response) => response.json()),
        await again((response) => response.arrayBuffer()),
        await again((response) => response.blob()),
        await again((response) => response.clone()),
        await again((response) => response.body?.getReader()),
        await again((response) => new Response(response.body)),
      ];
    },
    Array(7).fill('TypeError'),
  ],
  [
    'a body that is being streamed cannot be read besides',
    async (fetch, url) => {
      const response = await fetch(`${url}/json`);
      const reader = response.body!.getReader();
      await reader.read();
      const failure = await named(response.text());
      await reader.cancel();
      return [failure, response.bodyUsed];
    },
    ['TypeError', true],
  ],
  [
    'the body with a reader',
    async (fetch, url) => {
      const reader = (await fetch(`${url}/pieces`)).body!.getReader();
      let text = '';
      for (
        let { done, value } = await reader.read();
        !done;
        { done, value } = await reader.read()
      ) {
        text += Object.prototype.toString.call(value) + Buffer.from(value).toString();
      }
      return text.replaceAll('[object Uint8Array]', '');
    },
    'one,two',
  ],
  [
    'the body with a reader that brings its buffer',
    async (fetch, url) => {
      const reader = (await fetch(`${url}/404`)).body!.getReader({ mode: 'byob' });
      const first = await reader.read(new Uint8Array(4));
      const second = await reader.read(new Uint8Array(4));
      const end = await reader.read(new Uint8Array(4));
      return [
        Buffer.from(first.value!).toString(),
        Buffer.from(second.value!).toString(),
        end.done,
      ];
    },
    ['noth', 'ing', true],
  ],
  [
    'the body by for await',
    async (fetch, url) => {
      let text = '';
      for await (const piece of (await fetch(`${url}/pieces`)).body!)
        text += Buffer.from(piece as Uint8Array).toString();
      return text;
    },
    'one,two',
  ],
  [
    'the body through a transform',
    async (fetch, url) => {
      const { body } = await fetch(`${url}/pieces`);
      return Readable.fromWeb(body!.pipeThrough(new TextDecoderStream()) as never)
        .toArray()
        .then((pieces) => pieces.join(''));
    },
    'one,two',
  ],
  [
    'the body as a Node stream',
    async (fetch, url) => {
      const { body } = await fetch(`${url}/long`);
      const pieces = (await Readable.fromWeb(body as never).toArray()) as Uint8Array[];
      return Buffer.concat(pieces).byteLength;
    },
    300_000,
  ],
  [
    'the two halves of a body',
    async (fetch, url) => {
      const { body } = await fetch(`${url}/pieces`);
      return Promise.all(body!.tee().map((half) => new Response(half).text()));
    },
    ['one,two', 'one,two'],
  ],
  [
    'a clone is the same, and read by itself',
    async (fetch, url) => {
      const response = await fetch(`${url}/json`);
      const clone = response.clone();
      const second = clone.clone();
      const said = [response, clone, second].map((each) => [
        each.url.replace(url, ''),
        each.statusText,
        each.type,
        each.headers.get('x-twice'),
        each.headers.getSetCookie().length,
        each instanceof Response,
      ]);
      return [...said, await clone.json(), await response.text(), await second.text()];
    },
    [
      ...Array(3).fill(['/json', 'Fine', 'basic', 'a, b', 2, true]),
      { word: 'Ünïcode' },
      '{"word":"Ünïcode"}',
      '{"word":"Ünïcode"}',
    ],
  ],
  [
    'a clone of what has no body',
    async (fetch, url) => {
      const clone = (await fetch(`${url}/204`)).clone();
      return [clone.status, clone.body, await clone.text()];
    },
    [204, null, ''],
  ],
  [
    "the class's own methods work on it",
    async (fetch, url) => {
      const { prototype } = Response;
      const read = (name: keyof Response, response: Response): unknown =>
        Object.getOwnPropertyDescriptor(prototype, name)!.get!.call(response);
      const got = (): Promise<Response> => fetch(`${url}/form`);
      const clone = prototype.clone.call(await got());
      const response = await got();
      return [
        await prototype.text.call(await got()),
        (await prototype.arrayBuffer.call(await got())).byteLength,
        (await prototype.blob.call(await got())).type,
        // oxlint-disable-next-line typescript/no-deprecated
        (await prototype.formData.call(await got())).get('b'),
        await prototype.json.call(await fetch(`${url}/json`)),
        [clone.status, clone.headers.get('content-type'), await clone.text()],
        [read('status', response), read('ok', response), read('bodyUsed', response)],
        (read('headers', response) as Headers).get('content-type'),
        await response.text(),
        read('bodyUsed', response),
      ];
    },
    [
      'a=1&b=2',
      7,
      'application/x-www-form-urlencoded',
      '2',
      { word: 'Ünïcode' },
      [200, 'application/x-www-form-urlencoded', 'a=1&b=2'],
      [200, true, false],
      'application/x-www-form-urlencoded',
      'a=1&b=2',
      true,
    ],
  ],
  [
    'it can be what another Response is made of',
    async (fetch, url) => {
      const response = await fetch(`${url}/json`);
      const made = new Response(response.body, response);
      return [made.status, made.statusText, made.headers.get('x-twice'), await made.json()];
    },
    [200, 'Fine', 'a, b', { word: 'Ünïcode' }],
  ],
  [
    'its body can be that of a request',
    async (fetch, url) => {
      const { body } = await fetch(`${url}/pieces`);
      const request = new Request(url, { method: 'POST', body, duplex: 'half' });
      return request.text();
    },
    'one,two',
  ],
  [
    'it is printed as a Response',
    async (fetch, url) => {
      const text = inspect(await fetch(`${url}/404`));
      return [
        /^Response \{/,
        /status: 404/,
        /'content-type': 'text\/plain'/,
        /bodyUsed: false/,
      ].map((pattern) => pattern.test(text));
    },
    [true, true, true, true],
  ],
  ...[204, 205, 304].map((status): Behaviour => [
    `the body of a ${status} is null`,
    async (fetch, url) => {
      const response = await fetch(`${url}/${status}`);
      return [response.status, response.body, await response.text(), response.bodyUsed];
    },
    [status, null, '', false],
  ]),
  [
    'the body of what answers HEAD is null',
    async (fetch, url) => {
      const response = await fetch(`${url}/404`, { method: 'head' });
      return [response.status, response.body, await response.text()];
    },
    [404, null, ''],
  ],
  [
    'a body of no bytes is not null',
    async (fetch, url) => {
      const response = await fetch(`${url}/empty`);
      return [response.body === null, await response.text(), response.bodyUsed];
    },
    [false, '', true],
  ],
  [
    'redirects are followed',
    async (fetch, url) => {
      const response = await fetch(`${url}/moved`);
      return [
        response.status,
        response.redirected,
        response.url.replace(url, ''),
        await response.json(),
      ];
    },
    [200, true, '/json?after', { word: 'Ünïcode' }],
  ],
  [
    "redirect: 'manual' gives the redirect itself",
    async (fetch, url) => {
      const response = await fetch(`${url}/moved`, { redirect: 'manual' });
      const { status, type, redirected, headers } = response;
      return [status, type, redirected, headers.get('location'), await response.text()];
    },
    [302, 'basic', false, '/json?after#part', 'moved'],
  ],
  [
    "redirect: 'error' rejects",
    async (fetch, url) => {
      const failure = (await failureOf(fetch(`${url}/moved`, { redirect: 'error' }))) as Error;
      return [failure.name, failure.message, (failure.cause as Error).message.slice(0, 19)];
    },
    ['TypeError', 'fetch failed', 'unexpected redirect'],
  ],
  [
    'a data: URL is answered here',
    async (fetch) => {
      const read = async (url: string): Promise<unknown[]> => {
        const response = await fetch(url);
        return [response.status, response.headers.get('content-type'), await response.text()];
      };
      return [
        await read('data:,'),
        await read('data:,a%20b#c'),
        await read('data:text/html;charset=utf-8,%3Cp%3E'),
        await read('data:application/json;base64,eyJhIjoxfQ=='),
        await read('DATA:;charset=utf-8,x'),
        (await fetch('data:,url#part')).url,
        await named(fetch('data:text/plain')),
        await named(fetch('data:;base64,?')),
      ];
    },
    [
      [200, 'text/plain;charset=US-ASCII', ''],
      [200, 'text/plain;charset=US-ASCII', 'a b'],
      [200, 'text/html;charset=utf-8', '<p>'],
      [200, 'application/json', '{"a":1}'],
      [200, 'text/plain;charset=utf-8', 'x'],
      'data:,url',
      'TypeError',
      'TypeError',
    ],
  ],
  [
    'integrity is kept to',
    async (fetch, url) => {
      const right = 'sha256-F4XPw7xqx3OOizjNzNGvElY8K5Bw4HrzNqG/jA93K2o=';
      const wrong = `sha512-${'A'.repeat(86)}==`;
      const of = (integrity: string): Promise<unknown> =>
        fetch(`${url}/404`, { integrity }).then(
          (response) => response.text(),
          (error: Error) => error.message,
        );
      return [await of(right), await of(wrong), await of(`${right} ${wrong}`), await of('md5-x')];
    },
    ['nothing', 'fetch failed', 'fetch failed', 'nothing'],
  ],
  [
    'an abort before rejects with the reason',
    async (fetch, url) => failureOf(fetch(url, { signal: AbortSignal.abort('why') })),
    'why',
  ],
  [
    'an abort while the body comes is what reading rejects with',
    async (fetch, url) => {
      const controller = new AbortController();
      const response = await fetch(`${url}/never`, { signal: controller.signal });
      const reading = failureOf(response.text());
      controller.abort();
      return ((await reading) as Error).name;
    },
    'AbortError',
  ],
  [
    'no answer in time rejects with a TimeoutError, where the signal is one of AbortSignal.timeout',
    async (fetch, url) => named(fetch(`${url}/silent`, { signal: AbortSignal.timeout(20) })),
    'TimeoutError',
  ],
  [
    'what is refused rejects with a TypeError, and never throws',
    async (fetch, url) => {
      const refusals: [input: unknown, init?: unknown][] = [
        ['/relative'],
        ['http://['],
        ['ftp://x/'],
        [url, { method: 'TRACE' }],
        [url, { method: 'a b' }],
        [url, { body: 'x' }],
        [url, { signal: 1 }],
        [url, { redirect: 'perhaps' }],
        [url, { headers: { a: 'b\nc' } }],
        [url, { headers: { 'a b': 'c' } }],
      ];
      return Promise.all(
        refusals.map(([input, init]) => named(fetch(input as string, init as RequestInit))),
      );
    },
    Array(10).fill('TypeError'),
  ],
  [
    'no connection: fetch failed, and the cause has the code',
    async (fetch) => {
      const gone = await okServer();
      await gone[Symbol.asyncDispose]();
      const failure = (await failureOf(fetch(gone.url))) as Error & { cause: { code: string } };
      return [failure.name, failure.message, failure.cause.code];
    },
    ['TypeError', 'fetch failed', 'ECONNREFUSED'],
  ],
  [
    'a body that breaks off: terminated, for a stream and for text',
    async (fetch, url) => {
      const said = (failure: unknown): unknown[] => {
        const { name, message, cause } = failure as Error;
        return [name, message, cause instanceof Error];
      };
      const streamed = (await fetch(`${url}/broken`)).body!.getReader();
      await streamed.read();
      return [
        said(await failureOf((await fetch(`${url}/broken`)).text())),
        said(await failureOf(streamed.read())),
      ];
    },
    Array(2).fill(['TypeError', 'terminated', true]),
  ],
];

routes['/never'] = (_, response) => void response.write('begun');
routes['/silent'] = () => {};
routes['/broken'] = (_, response) => {
  response.writeHead(200, { 'content-length': 100 });
  response.write('begun', () => setTimeout(() => response.destroy(), 20));
};

for (const [rule, run, expected] of behaviours) {
  t.test(rule, async (t) => {
    await using server = await okServer((request, response) =>
      (routes[request.url!.split('?')[0]!] ?? routes['/empty'])!(request, response),
    );
    await using client = new Client();
    t.strictSame(await run(globalThis.fetch, server.url), expected, 'built-in fetch');
    t.strictSame(await run(toFetch(client), server.url), expected, 'toFetch');
  });
}

function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => `no failure, but ${String(value)}`,
    (error: unknown) => error,
  );
}

async function named(promise: Promise<unknown>): Promise<unknown> {
  const failure = await failureOf(promise);
  return failure instanceof Error ? failure.name : failure;
}
