import { once } from 'node:events';
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import {
  createGrpcHandler,
  type GrpcCall,
  GrpcError,
  type GrpcMethod,
  grpcCode,
  http2Options,
} from '@weft/service-kit/grpc';
import type { Delivery } from './delivery.ts';
import type { XdsLogger } from './delivery-events.ts';
import { keepAlive } from './keep-alive.ts';
import type { StreamState } from './stream-state.ts';

/** Who a caller proved to be, or why it did not. */
export type Authentication =
  | { readonly ok: true; readonly workload: WorkloadId }
  | { readonly ok: false; readonly message: string };

/** PEM of the server's certificate chain and key. */
export interface ServerIdentity {
  readonly cert: string;
  readonly key: string;
}

/** Answers the calls of one more method; the caller is authenticated. */
export type AuthenticatedMethod = (call: GrpcCall, caller: WorkloadId) => Promise<void> | void;

export interface XdsServerOptions {
  readonly listen: { readonly host: string; readonly port: number };
  /** 'plaintext' is for tests with clients that cannot speak TLS. */
  readonly tls: ServerIdentity | 'plaintext';
  readonly delivery: Delivery;
  /** Decides about every call, by its headers. May reject: the call then ends as UNAVAILABLE. */
  readonly authenticate: (headers: IncomingHttpHeaders) => Promise<Authentication>;
  /** What else is served, by path. */
  readonly methods?: ReadonlyMap<string, AuthenticatedMethod>;
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

const adsService = '/envoy.service.discovery.v3.AggregatedDiscoveryService';
const silent: XdsLogger = { info() {}, warn() {} };

/** Serves ADS (delta and state of the world), and `methods`, over HTTP/2. Resolves once it listens. */
export async function serveXds(options: XdsServerOptions): Promise<XdsServer> {
  const { listen, tls, log = silent, keepAliveMs = 30_000 } = options;
  const methods = new Map<string, GrpcMethod>();
  for (const [path, method] of options.methods ?? []) methods.set(path, authenticated(options, method));
  methods.set(`${adsService}/DeltaAggregatedResources`, authenticated(options, ads(options, 'delta')));
  methods.set(`${adsService}/StreamAggregatedResources`, authenticated(options, ads(options, 'sotw')));

  const onError = (error: unknown, path: string) => {
    if (!(error instanceof GrpcError)) log.warn({ path, error: String(error) }, 'a call failed');
  };
  const settings = http2Options();
  const server =
    tls === 'plaintext'
      ? createServer(settings)
      : createSecureServer({ ...settings, ...tls, minVersion: 'TLSv1.2', ALPNProtocols: ['h2'] });
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    keepAlive(session, keepAliveMs);
  });
  server.on('sessionError', (error: Error) => log.info({ error: error.message }, 'a connection failed'));
  server.on('tlsClientError', (error: Error) => log.info({ error: error.message }, 'a TLS handshake failed'));
  server.on('stream', createGrpcHandler({ methods, onError }));
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

function authenticated(options: XdsServerOptions, method: AuthenticatedMethod): GrpcMethod {
  const { authenticate, log = silent } = options;
  return async (call) => {
    let who: Authentication;
    try {
      who = await authenticate(call.headers);
    } catch (cause) {
      throw new GrpcError(grpcCode.unavailable, 'the caller cannot be authenticated now', { cause });
    }
    if (!who.ok) {
      log.warn({ path: call.path, peer: call.peer.address, reason: who.message }, 'a caller was refused');
      call.finish({ code: grpcCode.unauthenticated, message: who.message });
      return;
    }
    await method(call, who.workload);
  };
}

function ads(options: XdsServerOptions, variant: StreamState['variant']): AuthenticatedMethod {
  const { delivery, streamAgeMs = { min: 30 * 60_000, max: 60 * 60_000 } } = options;
  const { random = Math.random, schedule = unrefTimer } = options;
  return async (call, caller) => {
    const stream = delivery.open(caller, variant, {
      write(framed) {
        const more = call.write(framed);
        if (!more) void call.drained().then(() => stream.drained());
        return more;
      },
      end: (code, message) => call.finish({ code: grpcCode[code], message }),
    });
    const ageMs = streamAgeMs.min + random() * (streamAgeMs.max - streamAgeMs.min);
    const cancelAge = schedule(ageMs, () => stream.end('ok', 'the stream is old enough'));
    call.respond();
    try {
      await call.readEach((message) => stream.receive(message));
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
