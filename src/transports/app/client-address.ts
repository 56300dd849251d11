import { isIP } from 'node:net';
import type { ClientAddress } from './handlers.ts';

/** `1.2.3.4`, `1.2.3.4:5678`, `::1`, `[::1]:5678`. @throws TypeError where `text` is no address. */
export function addressIn(text: string): ClientAddress {
  const parts = typeof text === 'string' ? ADDRESS.exec(text) : null;
  const remoteAddress = parts?.[1] ?? parts?.[3] ?? parts?.[5] ?? '';
  const port = parts?.[2] ?? parts?.[4] ?? '123';
  const version = isIP(remoteAddress);
  if (version === 0 || Number(port) > 65_535) {
    throw new TypeError(
      `AppTransport: clientAddress: expected an address such as 1.2.3.4, 1.2.3.4:5678 or [::1]:5678, got ${typeof text === 'string' ? JSON.stringify(text) : typeof text}`,
    );
  }
  return {
    remoteAddress,
    remotePort: Number(port),
    remoteFamily: version === 6 ? 'IPv6' : 'IPv4',
  };
}

/** In brackets, without a colon, or anything else: each but the last with a port perhaps. */
const ADDRESS = /^(?:\[(.+)\](?::(\d{1,5}))?|([^:]+)(?::(\d{1,5}))?|(.+))$/;
