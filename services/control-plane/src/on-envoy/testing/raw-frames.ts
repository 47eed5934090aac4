import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Types of HTTP/2 frames (RFC 9113, section 6). */
export const frameTypes = {
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  continuation: 9,
} as const;

const ack = 0x1;
const endStream = 0x1;
const endHeaders = 0x4;

/** HPACK's index of the first entry of the dynamic table (RFC 7541, section 2.3.3). */
const firstDynamic = 62;

/** A frame that a peer has sent. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** An HTTP/2 connection without any manners: it writes what it is told and obeys nothing. */
export class RawFrames {
  readonly socket: Socket;
  readonly received: Frame[] = [];
  /** Bytes that it has written. */
  sent = 0;
  #rest = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
  }

  /** Connects with a window of `window` bytes for each stream's answer. */
  static async open(address: string, window = 65_535): Promise<RawFrames> {
    const [host, port] = address.split(':');
    const socket = connect(Number(port), host);
    await once(socket, 'connect');
    const frames = new RawFrames(socket);
    frames.write(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'));
    const initialWindow = Buffer.alloc(6);
    initialWindow.writeUInt16BE(4, 0);
    initialWindow.writeUInt32BE(window, 2);
    frames.frame(frameTypes.settings, 0, 0, initialWindow);
    return frames;
  }

  get closed(): boolean {
    return this.socket.destroyed || this.socket.readableEnded;
  }

  write(bytes: Buffer): void {
    this.sent += bytes.length;
    this.socket.write(bytes);
  }

  frame(type: number, flags: number, stream: number, payload: Buffer): void {
    const head = Buffer.alloc(9);
    head.writeUIntBE(payload.length, 0, 3);
    head[3] = type;
    head[4] = flags;
    head.writeUInt32BE(stream, 5);
    this.write(Buffer.concat([head, payload]));
  }

  /** Opens a stream with a header block; `ends`: there is no body. */
  request(stream: number, block: Buffer, ends = true): void {
    this.frame(frameTypes.headers, endHeaders | (ends ? endStream : 0), stream, block);
  }

  close(): void {
    this.socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 9) {
      const length = this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < 9 + length) return;
      const [type, flags] = [this.#rest[3] ?? 0, this.#rest[4] ?? 0];
      const stream = this.#rest.readUInt32BE(5) & 0x7fff_ffff;
      const payload = this.#rest.subarray(9, 9 + length);
      this.received.push({ type, flags, stream, payload });
      // Who does not answer is taken for dead.
      if (type === frameTypes.ping && (flags & ack) === 0) this.frame(frameTypes.ping, ack, 0, payload);
      this.#rest = this.#rest.subarray(9 + length);
    }
  }
}

/** A header as HPACK's literal with a new name, which the other side keeps in its table when `indexed`. */
export function literal(name: string, value: string, indexed = false): Buffer {
  return Buffer.concat([Buffer.from([indexed ? 0x40 : 0]), text(name), text(value)]);
}

/** A reference to what was kept last. */
export const lastIndexed = Buffer.from([0x80 | firstDynamic]);

/** A header block without compression. */
export function headerBlock(headers: Readonly<Record<string, string>>, ...more: readonly Buffer[]): Buffer {
  return Buffer.concat([...Object.entries(headers).map(([name, value]) => literal(name, value)), ...more]);
}

/** The header block of a GET, and more. */
export function getBlock(authority: string, path: string, ...more: readonly Buffer[]): Buffer {
  const pseudo = { ':method': 'GET', ':scheme': 'http', ':authority': authority, ':path': path };
  return headerBlock(pseudo, ...more);
}

function text(value: string): Buffer {
  return Buffer.concat([integer(value.length, 7), Buffer.from(value)]);
}

/** RFC 7541, section 5.1. */
function integer(value: number, prefixBits: number): Buffer {
  const most = 2 ** prefixBits - 1;
  if (value < most) return Buffer.from([value]);
  const bytes = [most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}
