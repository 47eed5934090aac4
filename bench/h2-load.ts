import { connect, type Socket } from 'node:net';

/** What one call is made of, and how many are made at once. */
export interface Load {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** Default: `host` and `port`. */
  readonly authority?: string;
  readonly contentType: string;
  /** The request's body. */
  readonly body: Uint8Array;
  readonly connections: number;
  /** Calls at once on each connection. */
  readonly streams: number;
  readonly seconds: number;
}

/** Types of HTTP/2 frames (RFC 9113, section 6). */
export const frameType = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8 } as const;
/** Flags of those frames. */
export const flag = { endStream: 1, ack: 1, endHeaders: 4 } as const;
/** The largest window that there is. */
export const maxWindow = 2 ** 31 - 1;

/**
 * Makes the same call over and over on plain HTTP/2 and returns the calls answered a second. It writes the same bytes with
 * another stream number each time and reads no more of an answer than its end, so that it costs far less than a server
 * does: a real client would be what is measured. Rejects when a call is reset or a connection ends.
 */
export async function load(options: Load): Promise<number> {
  let completed = 0;
  const connections = await Promise.all(
    Array.from({ length: options.connections }, () => openConnection(options, () => completed++)),
  );
  try {
    const begin = performance.now();
    const failed = connections.map(({ start }) => start());
    await Promise.race([new Promise((resolve) => setTimeout(resolve, options.seconds * 1000)), ...failed]);
    return (completed * 1000) / (performance.now() - begin);
  } finally {
    for (const { socket } of connections) socket.destroy();
  }
}

async function openConnection(
  options: Load,
  onAnswer: () => void,
): Promise<{ socket: Socket; start(): Promise<never> }> {
  const socket = connect({ host: options.host, port: options.port, noDelay: true });
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  const window = Buffer.alloc(4);
  window.writeUInt32BE(maxWindow - 65_535);
  socket.write(Buffer.concat([frame(frameType.settings, 0, 0), frame(frameType.windowUpdate, 0, 0, window)]));
  const call = Buffer.concat([
    frame(frameType.headers, flag.endHeaders, 0, headerBlock(options)),
    frame(frameType.data, flag.endStream, 0, options.body),
  ]);
  const dataAt = call.length - options.body.length - 9;
  let nextStream = 1;

  const send = (calls: number) => {
    const batch = Buffer.allocUnsafe(call.length * calls);
    for (let i = 0; i < calls; i++, nextStream += 2) {
      const at = i * call.length;
      call.copy(batch, at);
      batch.writeUInt32BE(nextStream, at + 5);
      batch.writeUInt32BE(nextStream, at + dataAt + 5);
    }
    socket.write(batch);
  };

  const start = () =>
    new Promise<never>((_, reject) => {
      let rest = Buffer.alloc(0);
      socket.on('close', () => reject(new Error('the server has closed the connection')));
      socket.on('data', (chunk: Buffer) => {
        const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
        let at = 0;
        let answered = 0;
        while (bytes.length - at >= 9) {
          const length = bytes.readUIntBE(at, 3);
          if (bytes.length - at < 9 + length) break;
          const type = bytes[at + 3];
          const flags = bytes[at + 4] ?? 0;
          if ((type === frameType.data || type === frameType.headers) && flags & flag.endStream) answered += 1;
          else if (type === frameType.settings && !(flags & flag.ack))
            socket.write(frame(frameType.settings, flag.ack, 0));
          else if (type === frameType.ping && !(flags & flag.ack))
            socket.write(frame(frameType.ping, flag.ack, 0, bytes.subarray(at + 9, at + 17)));
          else if (type === frameType.reset || type === frameType.goaway)
            reject(new Error(`frame of type ${type}: ${bytes.subarray(at + 9, at + 9 + length).toString('hex')}`));
          at += 9 + length;
        }
        rest = Buffer.from(bytes.subarray(at));
        for (let i = 0; i < answered; i++) onAnswer();
        if (answered > 0) send(answered);
      });
      send(options.streams);
    });
  return { socket, start };
}

/** A frame of HTTP/2. */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** HPACK without the dynamic table (RFC 7541, 6.1 and 6.2.2), so that the block is the same for each call. */
export function headerBlock({
  path,
  contentType,
  host,
  port,
  authority = `${host}:${port}`,
}: Pick<Load, 'path' | 'contentType' | 'host' | 'port' | 'authority'>): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  return Buffer.concat([
    Buffer.from([0x83, 0x86]), // :method POST, :scheme http
    Buffer.from([0x04]),
    text(path),
    Buffer.from([0x01]),
    text(authority),
    Buffer.from([0x0f, 0x10]), // content-type, name 31 of the static table
    text(contentType),
    Buffer.from([0x00]),
    text('te'),
    text('trailers'),
  ]);
}
