import { constants, type IncomingHttpHeaders, type ServerHttp2Stream, type ServerOptions } from 'node:http2';
import type { GrpcMethod } from './call.ts';
import { codecHeaderFactor, headersTooLarge } from './header-limit.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { ServerCall } from './server-call.ts';
import { GrpcError, grpcCode } from './status.ts';
import { statusOf } from './status-of.ts';
import { WaitingBytes } from './waiting-bytes.ts';

/** How long a request that is refused by HTTP may go on. */
const refusedLingerMs = 1_000;

/** What createGrpcHandler() serves. */
export interface GrpcHandlerOptions {
  /** By path: "/package.Service/Method". */
  readonly methods: ReadonlyMap<string, GrpcMethod>;
  /** Default: defaultLimits. */
  readonly limits?: Partial<Limits>;
  /** Told of each error that ended a call. Default: nobody. */
  readonly onError?: (error: unknown, path: string) => void;
  /** Aborted: the calls under way end with UNAVAILABLE. Default: never. */
  readonly signal?: AbortSignal;
  /** Where it counts what waits. Default: for itself. */
  readonly waiting?: WaitingBytes;
}

/** What createGrpcHandler() makes. */
export interface GrpcHandler {
  /** The arguments of the event. */
  (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags?: number, rawHeaders?: readonly string[]): void;
  /** Ends the calls whose callers are too slow, at `nowMs` of performance.now(). To be called about once a second. */
  sweep(nowMs: number): void;
}

/** A listener for the `stream` event of an http2 server (see http2Options) that answers gRPC calls. Other requests get HTTP 405 and 415. */
export function createGrpcHandler(options: GrpcHandlerOptions): GrpcHandler {
  const limits = { ...defaultLimits, ...options.limits };
  const { methods, onError, signal, waiting = new WaitingBytes(limits) } = options;
  const calls = new Set<ServerCall>();
  signal?.addEventListener('abort', () => {
    for (const call of calls) call.fail(new GrpcError(grpcCode.unavailable, 'the server is closing'));
  });
  const sweep = (nowMs: number) => {
    for (const call of calls) call.sweep(nowMs);
  };
  const handle = (
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    _flags?: number,
    rawHeaders: readonly string[] = [],
  ) => {
    if (headers[':method'] !== 'POST') return refuseStream(stream, 405);
    if (!isGrpcProto(headers['content-type'])) return refuseStream(stream, 415);
    const call = new ServerCall(stream, headers, limits, waiting);
    if (call.ended) return;
    calls.add(call);
    stream.on('close', () => calls.delete(call));
    const tooLarge = headersTooLarge(rawHeaders, limits);
    if (tooLarge !== undefined) return call.fail(new GrpcError(grpcCode.resourceExhausted, tooLarge));
    const method = methods.get(call.path);
    if (!method) return call.finish({ code: grpcCode.unimplemented, message: `unknown method ${call.path}` });
    const fail = (error: unknown) => {
      onError?.(error, call.path);
      call.finish(statusOf(error));
    };
    try {
      method(call)?.catch(fail);
    } catch (error) {
      fail(error);
    }
  };
  return Object.assign(handle, { sweep });
}

/** Whether a content type is gRPC with protobuf messages; not gRPC-Web. */
export function isGrpcProto(contentType: string | undefined): boolean {
  return (
    contentType === 'application/grpc' ||
    contentType === 'application/grpc+proto' ||
    (contentType !== undefined && /^application\/grpc(\+proto)?\s*(;|$)/i.test(contentType))
  );
}

/** Options for node:http2's createServer and createSecureServer that hold `limits`. */
export function http2Options(limits: Partial<Limits> = {}): ServerOptions {
  const { maxConcurrentStreams, maxHeaderBytes, maxHeaders, resets } = { ...defaultLimits, ...limits };
  return {
    settings: {
      maxConcurrentStreams,
      maxHeaderListSize: codecHeaderFactor * maxHeaderBytes,
      initialWindowSize: 1 << 20,
    },
    maxHeaderListPairs: codecHeaderFactor * maxHeaders,
    // A proxy puts all of its callers on one connection: their hang-ups are not an attack, so not the default of 33 a second.
    streamResetBurst: resets.burst,
    streamResetRate: resets.perSecond,
  };
}

/** Answers a request that is no call with an HTTP status. */
export function refuseStream(stream: ServerHttp2Stream, status: number): void {
  stream.on('error', () => {}); // The caller may have gone; there is nothing to add.
  stream.respond({ ':status': status }, { endStream: true });
  stream.resume();
  // A caller that never ends its request does not keep the stream.
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), refusedLingerMs);
  stream.on('close', () => clearTimeout(timer));
}
