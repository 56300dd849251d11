// Bytes as text, one character a byte: the form in which header values are kept, and in which pieces are easily put together.

const encoder = new TextEncoder();

/** The bytes of text in UTF-8. */
export function utf8(text: string): string {
  return binary(encoder.encode(text));
}

export function binary(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function base64(text: string): string {
  return btoa(text);
}
