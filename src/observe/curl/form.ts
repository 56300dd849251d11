import { Headers } from '../../messages/headers.ts';
import type { Part } from '../../messages/content/parts.ts';
import { quoted, textOf } from './shell.ts';

/** What curl cannot be told, or would write another way than we do. */
const UNSPEAKABLE = /[\r\n"\\\0]/;

/** `-F` for a part that is in memory and text; null where there is no way to say it. */
export function formField(part: Part, maxSize: number): string[] | null {
  const { name, filename, content } = part;
  const more = moreOf(part);
  const bytes = content.bytes?.();
  if (more === null || bytes === undefined || bytes.byteLength > maxSize) return null;
  const text = textOf(bytes);
  if (text === null) return null;
  // Taken literally, whatever it begins with.
  if (filename === null && more === '') return ['--form-string', quoted(`${name}=${text}`)];
  return ['-F', quoted(`${name}=${inQuotes(text)}${more}`)];
}

/** `-F` for a file on the disk. */
export function fileField(part: Part, path: string): string[] | null {
  const more = moreOf(part);
  // Without a name of its own, curl would give it the file's.
  return more === null || part.filename === null
    ? null
    : ['-F', quoted(`${part.name}=@${inQuotes(path)}${more}`)];
}

/** The name of the file and the type, as they follow the value. */
function moreOf({ name, filename, headers }: Part): string | null {
  const { 'content-type': type, ...others } = Headers.from(headers).toJSON();
  if (Object.keys(others).length > 0) return null;
  if (UNSPEAKABLE.test(name) || name.includes('=') || UNSPEAKABLE.test(filename ?? '')) return null;
  if (type !== undefined && /[;",]/.test(String(type).replace(/;\s*charset=[\w-]+$/i, '')))
    return null;
  const typed = type === undefined ? '' : `;type=${String(type)}`;
  return filename === null ? typed : `;filename=${inQuotes(filename)}${typed}`;
}

function inQuotes(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}
