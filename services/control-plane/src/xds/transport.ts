import { once } from 'node:events';
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import {
  createGrpcHandler,
  GrpcError,
  type GrpcMethod,
  grpcCode,
  http2Options,
  isGrpcProto,
} from '@weft/service-kit/grpc';
import { QuietLog } from '../budget/quiet-log.ts';
import type { Delivery } from './delivery.ts';
import type { XdsLogger } from './delivery-events.ts';
import { type AuthenticatedMethod, type AuthenticatedRequest, type Authentication, Door } from './door.ts';
import { keepAlive } from './keep-alive.ts';
import type { XdsLimits } from './limits.ts';
import { openingWork } from './request-size.ts';
import type { StreamState } from './stream-state.ts';

/** PEM of the server's certificate chain and key. */
export interface ServerIdentity {
  readonly cert: string;
  readonly key: string;
}

export interface XdsServerOptions {
  readonly listen: { readonly host: string; readonly port: number };
  /** 'plaintext' is for tests with clients that cannot speak TLS. */
  readonly tls: ServerIdentity | 'plaintext';
  readonly delivery: Delivery;
  /** Decides about every call, by its headers. May reject: the call then ends as UNAVAILABLE. */
  readonly authenticate: (headers: IncomingHttpHeaders) => Promise<Authentication>;
  /** What else is served, by path. */
  readonly methods?: ReadonlyMap<string, AuthenticatedMethod>;
  /** What is served in gRPC-Web and Connect, by path. */
  readonly requests?: ReadonlyMap<string, AuthenticatedRequest>;
  /** Default: `defaultXdsLimits`. */
  readonly limits?: Partial<XdsLimits>;
  /** Told of everybody who goes over a budget: who it is, and the words that it was answered with. Default: it is logged. */
  readonly onExceeded?: (who: string, message: string) => void;
  /** How old a stream gets before it is closed, so that replicas balance: a random age between. Default: 30 to 60 minutes. */
  readonly streamAgeMs?: { readonly min: number; readonly max: number };
  /** Default: Math.random. */
  readonly random?: () => number;
  /** Calls back after a time, and returns what cancels that. Default: a timer that keeps no process alive. */
  readonly schedule?: (delayMs: number, run: () => void) => () => void;
  /** How often a connection is asked whether it lives; it is closed when it does not answer within as long. Default: 30 s. */
  readonly keepAliveMs?: number;
  /** Default: dropped. */
  readonly log?: XdsLogger;
}

/** A listening server. */
export interface XdsServer {
  readonly port: number;
  /** New connections get this certificate; those that are open go on. */
  setSecureContext(identity: ServerIdentity): void;
  /** Stops listening and closes every connection; streams that are open end first. */
  close(): Promise<void>;
}

export type { AuthenticatedMethod, AuthenticatedRequest, Authentication } from './door.ts';

const adsService = '/envoy.service.discovery.v3.AggregatedDiscoveryService';
const silent: XdsLogger = { info() {}, warn() {} };

/** What an attacker may send and a proxy does not; the other bounds of node:http2 are those of the kit. */
const floods = {
  // A sidecar resets the questions of callers that hang up: many, and not so many.
  streamResetBurst: 1_000,
  streamResetRate: 200,
  maxSessionInvalidFrames: 100,
  maxSettings: 32,
  maxOutstandingPings: 10,
} as const;

/** Serves ADS (delta and state of the world), and `methods`, over HTTP/2. Resolves once it listens. */
export async function serveXds(options: XdsServerOptions): Promise<XdsServer> {
  const { listen, tls, log = silent, keepAliveMs = 30_000 } = options;
  const door = new Door(options);
  const methods = new Map<string, GrpcMethod>();
  for (const [path, method] of options.methods ?? []) methods.set(path, door.authenticated(method));
  methods.set(`${adsService}/DeltaAggregatedResources`, door.authenticated(ads(options, door, 'delta')));
  methods.set(`${adsService}/StreamAggregatedResources`, door.authenticated(ads(options, door, 'sotw')));

  const quiet = new QuietLog((fields, message) => log.info(fields, message));
  const failed = new QuietLog((fields, message) => log.warn(fields, message));
  const onError = (error: unknown, path: string) => {
    if (!(error instanceof GrpcError)) failed.say(path, { path, error: String(error) }, 'a call failed');
  };
  const { maxRequestBytes: maxMessageBytes, maxCallsPerWorkload: maxConcurrentStreams } = door.limits;
  const limits = { maxMessageBytes, maxConcurrentStreams };
  const settings = { ...http2Options(limits), ...floods };
  const server =
    tls === 'plaintext'
      ? createServer(settings)
      : createSecureServer({
          ...settings,
          ...tls,
          minVersion: 'TLSv1.2',
          ALPNProtocols: ['h2'],
          handshakeTimeout: door.limits.authenticateWithinMs,
        });
  const sessions = new Set<ServerHttp2Session>();
  server.prependListener('connection', (socket: Socket) => door.arrived(socket));
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    keepAlive(session, keepAliveMs);
  });
  server.on('sessionError', (error: Error) =>
    quiet.say(error.message, { error: error.message }, 'a connection failed'),
  );
  server.on('tlsClientError', (error: Error) => {
    quiet.say(error.message, { error: error.message }, 'a TLS handshake failed');
  });
  const grpc = createGrpcHandler({ methods, onError, limits });
  server.on('stream', (stream, headers) => {
    door.takes(stream, headers);
    const request = isGrpcProto(headers['content-type']) ? undefined : options.requests?.get(headers[':path'] ?? '');
    if (request === undefined) grpc(stream, headers);
    else void door.request(stream, headers, request);
  });
  server.listen(listen.port, listen.host);
  await once(server, 'listening');
  return {
    port: portOf(server),
    setSecureContext(identity) {
      if ('setSecureContext' in server) server.setSecureContext({ ...identity, minVersion: 'TLSv1.2' });
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      door.close();
      // A GOAWAY and the last frames go out first.
      for (const session of sessions) session.close();
      const force = setTimeout(() => {
        for (const session of sessions) session.destroy();
      }, 500).unref();
      await closed;
      clearTimeout(force);
    },
  };
}

function portOf(server: Http2Server | Http2SecureServer): number {
  const address: AddressInfo | string | null = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function ads(options: XdsServerOptions, door: Door, variant: StreamState['variant']): AuthenticatedMethod {
  const { delivery, streamAgeMs = { min: 30 * 60_000, max: 60 * 60_000 } } = options;
  const { random = Math.random, schedule = unrefTimer } = options;
  return async (call, caller) => {
    door.takeWork(caller, openingWork);
    const stream = delivery.open(caller, variant, {
      write(framed) {
        const more = call.write(framed);
        if (!more) void call.drained().then(() => stream.drained());
        return more;
      },
      end(code, message) {
        call.finish({ code: grpcCode[code], message });
        door.endSoon(call);
      },
    });
    const ageMs = streamAgeMs.min + random() * (streamAgeMs.max - streamAgeMs.min);
    const cancelAge = schedule(ageMs, () => stream.end('ok', 'the stream is old enough'));
    call.respond();
    try {
      await call.readEach((message) => {
        const excess = door.excessOf(caller, message, variant);
        if (excess === undefined) stream.receive(message);
        else stream.end('resourceExhausted', excess);
      });
      call.finish({ code: grpcCode.ok });
    } finally {
      cancelAge();
      stream.closed();
    }
  };
}

function unrefTimer(delayMs: number, run: () => void): () => void {
  const timer = setTimeout(run, delayMs).unref();
  return () => clearTimeout(timer);
}
