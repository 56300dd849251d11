import type { Content } from '../messages/content/content.ts';
import { FileContent } from '../messages/content/file.ts';
import type { Part } from '../messages/content/parts.ts';
import type { Request } from '../messages/request.ts';
import {
  secretNames,
  shownTarget,
  shownValue,
  type SecretNames,
} from '../messages/secret-fields.ts';
import { fileField, formField } from './curl/form.ts';
import { printfOf, quoted, textOf } from './curl/shell.ts';

export interface CurlOptions {
  /**
   * What is not shown: headers and query parameters that look like credentials (true, the default), those and the ones named here, or nothing
   * (false). A body is always shown as it is.
   */
  readonly redact?: boolean | SecretNames | undefined;
}

/** Bytes of a body that still stand in the command itself: Linux takes no argument of 128 KiB. */
const MAX_INLINE = 64 * 1024;

/** Fields that curl makes by itself, of the body that it is given. */
const FRAMING: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding']);

/**
 * A command for a POSIX shell that sends the same request with curl, quoted so that nothing in it is more than text.
 *
 * A body in memory stands in the command, one that is no text as `printf … |` in front of it; files are named; the parts of a form are `-F`, and a
 * stream, or what is larger than 64 KiB, is what the command reads from its standard input.
 *
 * @throws TypeError where `redact` is not what it has to be.
 */
export function toCurl(request: Request, options: CurlOptions = {}): string {
  const { redact = true } = options;
  const isSecret =
    redact === false ? () => false : secretNames('redact', redact === true ? [] : redact);
  const { origin, method, content, headers } = request;
  const target = shownTarget(request.target, (name) => !isSecret(name));
  const { input, words: body, setsType } = bodyOf(content);
  const accepts = headers.get('accept-encoding');
  const compressed = accepts !== null && !/^(?:identity)?$/i.test(accepts);

  const parts: string[][] = [[quoted(origin + target)]];
  // Brackets and braces are patterns to curl.
  if (/[[\]{}]/.test(target)) parts.push(['--globoff']);
  if (request.extensions.target !== undefined)
    parts.push(['--request-target', quoted(request.extensions.target)]);
  parts.push(...methodOf(method, content !== null));
  for (const [name, value] of headers) {
    const lowered = name.toLowerCase();
    if (FRAMING.has(lowered) || (compressed && lowered === 'accept-encoding')) continue;
    if (lowered === 'content-type' && setsType && value === content?.contentType) continue;
    const shown = shownValue(name, value, isSecret);
    // Without a value, `name:` would remove the field.
    parts.push(['-H', quoted(shown === '' ? `${name};` : `${name}: ${shown}`)]);
  }
  // Of a body, curl would say that it is a form.
  if (content !== null && !setsType && !headers.has('content-type'))
    parts.push(['-H', quoted('Content-Type:')]);
  if (compressed) parts.push(['--compressed']);
  parts.push(...body);
  return `${input}curl ${parts.map((words) => words.join(' ')).join(' \\\n  ')}`;
}

/** What curl would use by itself is not said. */
function methodOf(method: string, hasBody: boolean): string[][] {
  if (method === (hasBody ? 'POST' : 'GET')) return [];
  return method === 'HEAD' && !hasBody ? [['--head']] : [['-X', quoted(method)]];
}

interface CurlBody {
  /** What stands in front of the command. */
  readonly input: string;
  readonly words: readonly string[][];
  /** Whether curl makes the Content-Type. */
  readonly setsType: boolean;
}

function bodyOf(content: Content | null): CurlBody {
  if (content === null) return { input: '', words: [], setsType: false };
  const form = formOf(content);
  if (form !== null) return { input: '', words: form, setsType: true };
  if (content instanceof FileContent) {
    return data('', ['--data-binary', quoted(`@${pathOf(content)}`)]);
  }
  const bytes = content.bytes?.();
  if (bytes === undefined || bytes.byteLength > MAX_INLINE)
    return data('', ['--data-binary', '@-']);
  const text = textOf(bytes);
  return text === null
    ? data(`printf ${printfOf(bytes)} | `, ['--data-binary', '@-'])
    : data('', ['--data-raw', quoted(text)]);
}

function data(input: string, words: string[]): CurlBody {
  return { input, words: [words], setsType: false };
}

/** The parts of a form; null where it is none, or one of them cannot be said. */
function formOf(content: Content): string[][] | null {
  const { parts } = content as Content & { readonly parts?: readonly Part[] };
  if (parts === undefined || parts.length === 0) return null;
  const words: string[][] = [];
  for (const part of parts) {
    const field =
      part.content instanceof FileContent
        ? fileField(part, pathOf(part.content))
        : formField(part, MAX_INLINE);
    if (field === null) return null;
    words.push(field);
  }
  return words;
}

function pathOf({ path }: FileContent): string {
  return typeof path === 'string' ? path : decodeURIComponent(path.pathname);
}
