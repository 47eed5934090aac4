import { constants, type ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { Allowance } from './grpc/connection-limits.ts';
import type { Limits } from './grpc/limits.ts';
import type { ConnectionState } from './grpc/waiting-bytes.ts';

/** Small frames carry less than they weigh: for each byte of a body so many may come beside it. */
const bytesBesideBody = 16;

/** For each byte that was sent, so many of WINDOW_UPDATE may come. */
const bytesBesideAnswer = 4;

/** A connection of HTTP/2 under its limits of silence and of frames that carry no call. */
export class WatchedSession {
  readonly session: ServerHttp2Session;
  readonly #socket: Socket;
  readonly #state: ConnectionState;
  readonly #limits: Limits;
  readonly #idleBytes: Allowance;
  #heardMs = performance.now();
  #usedMs = performance.now();
  #pingedMs: number | undefined;
  #last = { read: 0, written: 0, received: 0, streamId: 0 };

  constructor(session: ServerHttp2Session, socket: Socket, state: ConnectionState, limits: Limits) {
    this.session = session;
    this.#socket = socket;
    this.#state = state;
    this.#limits = limits;
    this.#idleBytes = new Allowance(limits.idleBytes);
    const pings = new Allowance(limits.pings);
    const settings = new Allowance(limits.settings);
    session.on('ping', () => pings.take() || this.#tooMuch());
    session.on('remoteSettings', () => settings.take() || this.#tooMuch());
  }

  /** Since when it has carried no call, of performance.now(); undefined while it carries one. */
  get idleSinceMs(): number | undefined {
    return this.#state.calls > 0 ? undefined : this.#usedMs;
  }

  /** Ends the connection when its peer is gone or floods it. True: it has been idle for too long, and may be closed in good order. */
  sweep(nowMs: number): boolean {
    const { session } = this;
    if (session.destroyed) return false;
    const read = this.#socket.bytesRead;
    if (read !== this.#last.read) {
      this.#heardMs = nowMs;
      this.#pingedMs = undefined;
      if (!this.#isWorth(read)) {
        this.#tooMuch();
        return false;
      }
    }
    if (this.#state.calls > 0) this.#usedMs = nowMs;
    if (nowMs - this.#usedMs > this.#limits.idleTimeoutMs) return true;
    if (this.#pingedMs !== undefined && nowMs - this.#pingedMs > this.#limits.pingTimeoutMs) session.destroy();
    else if (this.#pingedMs === undefined && nowMs - this.#heardMs > this.#limits.silenceMs) {
      this.#pingedMs = nowMs;
      session.ping(() => {});
    }
    return false;
  }

  /** Whether what was read since the last time carried calls, or was little. */
  #isWorth(read: number): boolean {
    const { bytesWritten: written } = this.#socket;
    const { received } = this.#state;
    const streamId = this.session.state.lastProcStreamID ?? 0;
    const last = this.#last;
    const calls = Math.ceil((streamId - last.streamId) / 2);
    if (calls > 0) this.#usedMs = performance.now();
    const carried =
      calls * this.#limits.maxHeaderBytes +
      (received - last.received) * bytesBesideBody +
      (written - last.written) * bytesBesideAnswer;
    const idle = Math.max(0, read - last.read - carried);
    this.#last = { read, written, received, streamId };
    return this.#idleBytes.take(idle);
  }

  #tooMuch(): void {
    if (!this.session.destroyed) this.session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
}
