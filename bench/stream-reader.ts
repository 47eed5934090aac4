import { type ClientHttp2Stream, connect } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';

/** Streams of answers of one method. */
export interface StreamReading {
  /** "127.0.0.1:20002". */
  readonly address: string;
  readonly authority: string;
  readonly path: string;
  readonly streams: number;
  readonly seconds: number;
}

/** Reads as fast as it can, and returns bytes a second of all streams together. */
export function readStream(reading: StreamReading): Promise<number> {
  return withStreams(reading, 4 << 20, async (streams) => {
    let bytes = 0;
    for (const stream of streams) stream.on('data', (chunk: Buffer) => (bytes += chunk.length));
    await sleep(500);
    const begin = performance.now();
    bytes = 0;
    await sleep(reading.seconds * 1000);
    return (bytes * 1000) / (performance.now() - begin);
  });
}

/** Reads nothing for a while, and returns how many streams were answered. */
export function holdUnread(reading: StreamReading): Promise<number> {
  return withStreams(reading, 65_535, async (streams) => {
    let answered = 0;
    for (const stream of streams) stream.once('response', () => (answered += 1));
    await sleep(reading.seconds * 1000);
    return answered;
  });
}

async function withStreams<T>(
  { address, authority, path, streams }: StreamReading,
  initialWindowSize: number,
  use: (streams: readonly ClientHttp2Stream[]) => Promise<T>,
): Promise<T> {
  const session = connect(`http://${address}`, { settings: { initialWindowSize } });
  session.on('error', () => {});
  session.once('connect', () => session.setLocalWindowSize(256 << 20));
  const opened = Array.from({ length: streams }, () => {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      ':authority': authority,
      'content-type': 'application/grpc+proto',
      te: 'trailers',
    });
    stream.on('error', () => {});
    stream.end(Buffer.alloc(5));
    return stream;
  });
  try {
    return await use(opened);
  } finally {
    session.destroy();
  }
}
