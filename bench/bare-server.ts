/**
 * The baseline of propagation.ts: node:http2 and nothing else. It watches a directory; when a file "endpoints" or "routes" is
 * renamed into it, it writes to every stream the bytes that its parent gave it for that kind of change.
 */
import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createSecureServer, type ServerHttp2Stream } from 'node:http2';
import { join } from 'node:path';

/** The first message of the parent. */
export interface BareServerStart {
  readonly directory: string;
  readonly cert: string;
  readonly key: string;
}

/** Later ones: what to write, by the stream's bearer token. */
export interface BareServerFrames {
  readonly change: string;
  readonly frames: ReadonlyMap<string, Uint8Array>;
}

const frames = new Map<string, ReadonlyMap<string, Uint8Array>>();
const streams = new Map<string, ServerHttp2Stream>();

process.once('message', ({ directory, cert, key }: BareServerStart) => {
  process.on('message', ({ change, frames: given }: BareServerFrames) => {
    frames.set(change, given);
    process.send?.('taken');
  });
  const server = createSecureServer({ cert, key, minVersion: 'TLSv1.2', ALPNProtocols: ['h2'] });
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    const token = String(headers.authorization).slice('Bearer '.length);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    stream.on('error', () => {});
    stream.on('close', () => streams.delete(token));
    stream.resume();
    streams.set(token, stream);
  });
  server.on('sessionError', () => {});
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    process.send?.(typeof address === 'object' && address !== null ? address.port : 0);
  });
  watch(directory, async (_event, name) => {
    if (name === null || name.startsWith('.')) return;
    // Read, as whoever wants to know what changed must.
    const change = await readFile(join(directory, name), 'utf8').catch(() => '');
    const given = frames.get(change);
    if (given === undefined) return;
    for (const [token, framed] of given) streams.get(token)?.write(framed);
  });
});
process.on('disconnect', () => process.exit(0));
