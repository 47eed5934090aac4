import { rm, stat } from 'node:fs/promises';
import { connect, type ListenOptions, type NetConnectOpts } from 'node:net';

/** The longest path of a unix socket that works everywhere: macOS has 104 bytes, one of them the end. */
const maxSocketPathBytes = 103;

/** "unix:/path" or "host:port" ("[::1]:8080" for IPv6), for listen() and connect(). Throws for anything else. */
export function parseAddress(address: string): ListenOptions & NetConnectOpts {
  if (address.startsWith('unix:')) {
    const path = address.slice('unix:'.length);
    if (!path || Buffer.byteLength(path) > maxSocketPathBytes)
      throw new RangeError(`address ${address}: the path must be 1 to ${maxSocketPathBytes} bytes long`);
    return { path };
  }
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535)
    throw new RangeError(`address ${JSON.stringify(address)} must be unix:/path or host:port`);
  return { host, port };
}

/** Removes the socket that a process left behind when it was killed. Leaves one alone on which somebody listens. */
export async function removeStaleSocket(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isSocket()) return;
  const alive = await new Promise<boolean>((resolve) => {
    const socket = connect({ path }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
  if (!alive) await rm(path, { force: true });
}
