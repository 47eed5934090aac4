import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below the ranges from which Linux (32768) and macOS (49152) take the ports of outgoing connections: a port from there could be taken
// by a client before an Envoy binds it. `weft up` takes its own from 20000 on.
const firstPort = 10_240;
const ports = 9_700;

const given = new Set<number>();

/** Ports on 127.0.0.1 that nobody listens on, and that this process has not given before. */
export async function freePorts(count: number): Promise<number[]> {
  const found: number[] = [];
  while (found.length < count) {
    const port = firstPort + randomInt(ports);
    if (given.has(port) || !(await canListen(port))) continue;
    given.add(port);
    found.push(port);
  }
  return found;
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
