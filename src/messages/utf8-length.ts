/** How many bytes `text` takes in UTF-8. Node counts without encoding; other runtimes have to encode. */
export const utf8Length: (text: string) => number =
  typeof Buffer === 'function'
    ? (text) => Buffer.byteLength(text)
    : (text) => new TextEncoder().encode(text).length;
