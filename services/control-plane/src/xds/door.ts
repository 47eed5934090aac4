import { constants, type Http2Session, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import { type GrpcCall, GrpcError, type GrpcMethod, grpcCode } from '@weft/service-kit/grpc';
import { AskerRates } from '../budget/asker-rates.ts';
import { QuietLog } from '../budget/quiet-log.ts';
import type { XdsLogger } from './delivery-events.ts';
import { defaultXdsLimits, type XdsLimits } from './limits.ts';
import { type NewcomerEnd, Newcomers } from './newcomers.ts';
import { requestSize, tooLargeRequest, workOf } from './request-size.ts';
import type { StreamState } from './stream-state.ts';
import { WorkloadCalls } from './workload-calls.ts';

/** Who a caller proved to be, or why it did not. */
export type Authentication =
  | { readonly ok: true; readonly workload: WorkloadId }
  | { readonly ok: false; readonly message: string };

/** Answers the calls of one more method; the caller is authenticated. */
export type AuthenticatedMethod = (call: GrpcCall, caller: WorkloadId) => Promise<void> | void;

/** Answers requests of other protocols than gRPC; the caller is authenticated. */
export type AuthenticatedRequest = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  caller: WorkloadId,
) => Promise<void> | void;

export interface DoorOptions {
  /** Decides about every call, by its headers. May reject: the call then ends as UNAVAILABLE. */
  readonly authenticate: (headers: IncomingHttpHeaders) => Promise<Authentication>;
  /** Default: `defaultXdsLimits`. */
  readonly limits?: Partial<XdsLimits>;
  /** Told of everybody who goes over a budget: who it is, and the words that it was answered with. Default: it is logged. */
  readonly onExceeded?: (who: string, message: string) => void;
  /** Default: dropped. */
  readonly log?: XdsLogger;
}

/** A stream that was told its end and does not take it is reset. */
const endsWithinMs = 5_000;

/** One call before its caller is known. */
interface Arrival {
  readonly stream: ServerHttp2Stream;
  readonly session: Http2Session;
}

/** Lets callers in: who has no valid token is gone soon, and who has one keeps to its budgets. */
export class Door {
  readonly limits: XdsLimits;
  readonly #options: DoorOptions;
  readonly #newcomers: Newcomers;
  readonly #work: AskerRates;
  readonly #calls: WorkloadCalls;
  readonly #refusedLog: QuietLog;
  readonly #exceededLog: QuietLog;
  /** By the headers of the call, which the kit hands on as they are. */
  readonly #arrivals = new WeakMap<IncomingHttpHeaders, Arrival>();
  readonly #refusedCalls = new WeakMap<Http2Session, number>();
  /** Connections on which somebody has shown a valid token. */
  readonly #known = new WeakSet<Http2Session>();

  constructor(options: DoorOptions) {
    this.#options = options;
    this.limits = { ...defaultXdsLimits, ...options.limits };
    const { log } = options;
    this.#refusedLog = new QuietLog((fields, message) => log?.warn(fields, message));
    this.#exceededLog = new QuietLog((fields, message) => log?.warn(fields, message));
    this.#newcomers = new Newcomers(this.limits, (address, why) => this.#ended(address, why));
    this.#work = new AskerRates(this.limits.work);
    this.#calls = new WorkloadCalls(this.limits);
  }

  /** Takes a connection that was just accepted. */
  arrived(socket: Socket): void {
    this.#newcomers.arrived(socket);
  }

  /** Closes the connections that have shown no token. */
  close(): void {
    this.#newcomers.close();
  }

  /** Takes a call whose headers have come, before anybody answers it. */
  takes(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const { session } = stream;
    if (session) this.#arrivals.set(headers, { stream, session });
  }

  /** The method, for callers who have proved who they are and keep to their budgets. */
  authenticated(method: AuthenticatedMethod): GrpcMethod {
    return async (call) => {
      await method(call, await this.#enter(call.headers, call.path, call.peer.address));
    };
  }

  /** Answers a request of another protocol than gRPC, if its caller is one of the mesh. */
  async request(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, answer: AuthenticatedRequest): Promise<void> {
    // The caller may have gone.
    stream.on('error', () => undefined);
    try {
      const address = stream.session?.socket.remoteAddress ?? '';
      await answer(stream, headers, await this.#enter(headers, headers[':path'] ?? '', address));
    } catch (error) {
      const code = error instanceof GrpcError ? error.code : grpcCode.internal;
      const status = httpStatuses.get(code) ?? 500;
      if (!stream.headersSent && !stream.destroyed) stream.respond({ ':status': status }, { endStream: true });
      stream.resume();
    }
  }

  /** Takes work off a workload's budget. Throws a `GrpcError` when there is not so much. */
  takeWork(workload: WorkloadId, amount: number): void {
    if (this.#work.take(workload, amount)) return;
    const message = this.#tooFast(workload);
    this.#exceeded(`workload ${workload}`, message);
    throw new GrpcError(grpcCode.resourceExhausted, message);
  }

  /** Why a request of a stream is not taken; undefined: it is, and its work is off the workload's budget. */
  excessOf(workload: WorkloadId, message: Uint8Array, variant: StreamState['variant']): string | undefined {
    const size = requestSize(message, variant);
    // What cannot be read is for the stream to say.
    if (size === undefined) return undefined;
    const tooLarge = tooLargeRequest(size, this.limits);
    if (tooLarge !== undefined) return tooLarge;
    return this.#work.take(workload, workOf(message, size)) ? undefined : this.#tooFast(workload);
  }

  /** Resets the HTTP/2 stream of a call that has ended, should its caller not take the end: what waits for it goes too. */
  endSoon(call: GrpcCall): void {
    const stream = this.#arrivals.get(call.headers)?.stream;
    if (stream === undefined || stream.closed) return;
    const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), endsWithinMs).unref();
    stream.once('close', () => clearTimeout(timer));
  }

  #tooFast(workload: WorkloadId): string {
    const { perSecond } = this.limits.work;
    return `${workload} opens streams or sends requests faster than ${perSecond} bytes of work a second`;
  }

  /** The caller of a call. Throws a `GrpcError` when it may not be answered. */
  async #enter(headers: IncomingHttpHeaders, path: string, address: string): Promise<WorkloadId> {
    const arrival = this.#arrivals.get(headers);
    let who: Authentication;
    try {
      who = await this.#options.authenticate(headers);
    } catch (cause) {
      throw new GrpcError(grpcCode.unavailable, 'the caller cannot be authenticated now', { cause });
    }
    if (!who.ok) {
      // Each reason of an address once: a second kind of refusal is news.
      this.#refusedLog.say(
        `${address} ${who.message.slice(0, 500)}`,
        { path: path.slice(0, 200), peer: address, reason: who.message },
        'a caller was refused',
      );
      if (arrival !== undefined) this.#refused(arrival.session);
      throw new GrpcError(grpcCode.unauthenticated, who.message);
    }
    if (arrival === undefined) return who.workload;
    const { stream, session } = arrival;
    if (!this.#known.has(session) && !session.destroyed) {
      this.#known.add(session);
      this.#newcomers.authenticated(session.socket);
    }
    const excess = this.#calls.begin(who.workload, stream, session);
    if (excess === undefined) return who.workload;
    this.#exceeded(`workload ${who.workload}`, excess);
    throw new GrpcError(grpcCode.resourceExhausted, excess);
  }

  #refused(session: Http2Session): void {
    if (this.#known.has(session)) return;
    const count = (this.#refusedCalls.get(session) ?? 0) + 1;
    this.#refusedCalls.set(session, count);
    if (count >= this.limits.maxRefusedCalls && !session.destroyed) session.close();
  }

  #ended(address: string, why: NewcomerEnd): void {
    const { authenticateWithinMs, maxNewcomers, maxNewcomersPerAddress } = this.limits;
    const message =
      why === 'too late'
        ? `connections must show a valid token within ${authenticateWithinMs} ms`
        : `at most ${maxNewcomersPerAddress} connections of one address, and ${maxNewcomers} of all, may be without a valid token`;
    this.#exceeded(`address ${address}`, message);
  }

  #exceeded(who: string, message: string): void {
    const { onExceeded } = this.#options;
    if (onExceeded) onExceeded(who, message);
    else this.#exceededLog.say(who, { who, reason: message }, 'a budget was exceeded');
  }
}

/** What other protocols than gRPC are told before a request is answered in their own way. */
const httpStatuses: ReadonlyMap<number, number> = new Map([
  [grpcCode.unauthenticated, 401],
  [grpcCode.resourceExhausted, 429],
  [grpcCode.unavailable, 503],
]);
