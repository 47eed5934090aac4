import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Frame types (RFC 9113, 6). */
export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flag = { endStream: 1, ack: 1, endHeaders: 4 } as const;

/** One frame as it goes over the wire. */
export function frame(type: number, flags: number, streamId: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
}

/** A header block of literals without an index and without Huffman codes. Values are at most 126 bytes. */
export function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  return Buffer.concat(Object.entries(headers).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

/** The headers of a POST. */
export function post(path: string, contentType = 'application/grpc'): Buffer {
  return headerBlock({
    ':method': 'POST',
    ':scheme': 'http',
    ':path': path,
    ':authority': 'x',
    'content-type': contentType,
    te: 'trailers',
  });
}

export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** A peer that sends whatever it is told to, and reads without any answer but to SETTINGS, if at all. */
export class RawPeer {
  readonly socket: Socket;
  /** Types of the frames that came, with the payload of each. */
  readonly frames: {
    readonly type: number;
    readonly flags: number;
    readonly streamId: number;
    readonly payload: Buffer;
  }[] = [];
  #buffered: Buffer = Buffer.alloc(0);
  closed = false;

  constructor(address: string) {
    const [host, port] = address.split(':');
    this.socket = connect({ host: host ?? '', port: Number(port) });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.closed = true;
    });
    this.socket.on('data', (chunk: Buffer) => {
      this.#buffered = Buffer.concat([this.#buffered, chunk]);
      for (;;) {
        if (this.#buffered.length < 9) return;
        const length = this.#buffered.readUIntBE(0, 3);
        if (this.#buffered.length < 9 + length) return;
        this.frames.push({
          type: this.#buffered[3] ?? 0,
          flags: this.#buffered[4] ?? 0,
          streamId: this.#buffered.readUInt32BE(5),
          payload: this.#buffered.subarray(9, 9 + length),
        });
        this.#buffered = this.#buffered.subarray(9 + length);
      }
    });
  }

  /** Sends the preface and settings: numbers by their identifiers. */
  start(settings: readonly (readonly [id: number, value: number])[] = []): void {
    const payload = settings.map(([id, value]) => Buffer.concat([Buffer.from([0, id]), uint32(value)]));
    this.send(preface, frame(frameType.settings, 0, 0, Buffer.concat(payload)), frame(frameType.settings, flag.ack, 0));
  }

  send(...frames: readonly Uint8Array[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(frames));
  }

  /** Sends `frames` again and again until the connection has been closed; rejects after `maxBytes`. */
  async flood(frames: (round: number) => Uint8Array, maxBytes: number): Promise<number> {
    let sent = 0;
    for (let round = 0; !this.closed; round++) {
      const bytes = frames(round);
      sent += bytes.length;
      if (sent > maxBytes) throw new Error(`the connection is open after ${sent} bytes`);
      if (!this.socket.write(bytes))
        await Promise.race([once(this.socket, 'drain'), once(this.socket, 'close')]).catch(() => {});
      await new Promise((resolve) => setImmediate(resolve));
    }
    return sent;
  }

  /** Resolves when the connection has been closed by the other side. */
  async ended(): Promise<void> {
    // once() would reject where the end is a reset.
    if (!this.closed) await new Promise((resolve) => this.socket.on('close', resolve));
  }
}
