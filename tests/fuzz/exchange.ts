import { connect, type NetConnectOpts } from 'node:net';

/** Sends bytes over a connection of its own. Resolves when the other side has closed it, or after `holdMs`, with what came back. */
export function exchange(to: NetConnectOpts, bytes: Uint8Array, holdMs: number): Promise<Buffer> {
  return new Promise((resolve) => {
    const received: Buffer[] = [];
    const socket = connect(to);
    const timer = setTimeout(() => socket.destroy(), holdMs);
    socket.on('data', (chunk) => received.push(chunk));
    // A connection that is reset in the middle of our bytes is an answer, too.
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(Buffer.concat(received));
    });
    socket.write(bytes);
  });
}
