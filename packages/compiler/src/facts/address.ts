import { isIP } from 'node:net';
import type { AddressBlock } from '../model/external-service.ts';
import type { ApplicationAddress, SocketAddress } from '../model/workload.ts';

/** Reads "127.0.0.1:20001" or "[::1]:20001"; undefined for anything else, a host name included. */
export function parseSocketAddress(text: string): SocketAddress | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || isIP(host) === 0 || port < 1 || port > 65_535) return undefined;
  return { host, port };
}

/** Reads what `parseSocketAddress` reads, and "unix:/run/app.sock". */
export function parseApplicationAddress(text: string): ApplicationAddress | undefined {
  if (text.startsWith('unix:')) {
    const unixSocket = text.slice('unix:'.length);
    return unixSocket.startsWith('/') ? { unixSocket } : undefined;
  }
  return parseSocketAddress(text);
}

/** Reads "10.1.0.0/16" or a single address; undefined for anything else. */
export function parseAddressBlock(text: string): AddressBlock | undefined {
  const [address = '', length, ...rest] = text.split('/');
  const bits = { 0: undefined, 4: 32, 6: 128 }[isIP(address)];
  if (bits === undefined || rest.length > 0 || (length !== undefined && !/^\d{1,3}$/.test(length))) return undefined;
  const prefixLength = length === undefined ? bits : Number(length);
  return prefixLength <= bits ? { address, prefixLength } : undefined;
}
