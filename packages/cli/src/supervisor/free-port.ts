import { createServer } from 'node:net';
import { CommandError } from '../command-error.ts';

/**
 * Below the ephemeral port ranges of Linux (from 32768) and macOS (from 49152): an outgoing connection could take such a port before an
 * Envoy binds it.
 */
const firstPort = 20_000;
const ports = 12_000;

const given = new Set<number>();

/** A port on 127.0.0.1 that is free and that this process has not handed out. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = firstPort + Math.floor(Math.random() * ports);
    if (given.has(port) || !(await canListen(port))) continue;
    given.add(port);
    return port;
  }
  throw new CommandError(
    `No free port was found from ${firstPort} to ${firstPort + ports - 1}; stop processes that listen there.`,
  );
}

/** Returns a port. */
export function releasePort(port: number): void {
  given.delete(port);
}

/** Whether `port` can be listened on now. */
export function canListen(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
