import { parseSocketAddress } from '@weft/compiler/facts/address';
import { parseDuration } from '@weft/compiler/facts/duration';
import type { SocketAddress } from '@weft/compiler/model/workload';

/** An option of the command line has a value that cannot be. */
export class OptionError extends Error {
  override readonly name = 'OptionError';
}

/** Reads the value of an option: an IP address and a port; port 0 lets the system choose. */
export function parseListenAddress(text: string, option = '--xds'): SocketAddress {
  const anyPort = /^(.+):0$/.exec(text)?.[1];
  const address = parseSocketAddress(anyPort === undefined ? text : `${anyPort}:1`);
  if (address === undefined) {
    throw new OptionError(
      `${option} ${JSON.stringify(text)} must be an IP address and a port, such as 127.0.0.1:15012`,
    );
  }
  return anyPort === undefined ? address : { ...address, port: 0 };
}

/** Reads the value of --root-settle, in milliseconds. */
export function parseSettle(text: string): number {
  const durationMs = parseDuration(text);
  if (durationMs === undefined) {
    throw new OptionError(`--root-settle ${JSON.stringify(text)} must be a duration, such as 5s or 2m`);
  }
  return durationMs;
}
