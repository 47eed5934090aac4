import type { DescFile } from '@bufbuild/protobuf';
import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { connectListener } from './connect-path.ts';
import { createGrpcHandler } from './grpc/handler.ts';
import { defaultLimits, type Limits } from './grpc/limits.ts';
import { timerMs } from './grpc/timeout.ts';
import { WaitingBytes } from './grpc/waiting-bytes.ts';
import { grpcMethods } from './grpc-path.ts';
import { type Check, healthService, Readiness } from './health.ts';
import { refuseUnheededRepeats, type ServiceImplementation } from './implement.ts';
import { intercepted } from './interceptors.ts';
import { logger } from './log/logger.ts';
import { messageTypes } from './message-types.ts';
import { openPort, type Port } from './port.ts';
import { reflectionServices } from './reflection.ts';
import { requestsUntil } from './requests-until.ts';
import { onStopSignal } from './shutdown.ts';

/** Time to send the answers of calls that are cut off. */
const lastWordsMs = 500;

/** The options of serve(). */
export interface ServeOptions {
  /** The service's logical name, for its log. Default: $WEFT_SERVICE. */
  readonly name?: string;
  /** The services to serve, besides health and reflection. */
  readonly services: readonly ServiceImplementation[];
  /**
   * connect-es interceptors around each call of `services`, outermost first. They see only requests that satisfy the contract. Health and
   * reflection bypass them. Default: none.
   */
  readonly interceptors?: readonly Interceptor[];
  /**
   * Files of messages that a google.protobuf.Any may contain in JSON, besides those that the services' files import, the well-known types
   * and google.rpc. Default: none.
   */
  readonly types?: readonly DescFile[];
  /** "unix:/path" or "host:port". Default: $WEFT_LISTEN, else 127.0.0.1:8080. */
  readonly listen?: string;
  /** Readiness checks: the process is ready only if all succeed. Each may take 2 s. */
  readonly checks?: Readonly<Record<string, Check>>;
  /** Default: defaultLimits. */
  readonly limits?: Partial<Limits>;
  /** How long the server keeps serving after it is told to stop, while it reports that it is not ready. Default: 5 s. */
  readonly drainMs?: number;
  /** How long in-flight calls may then take before they end with UNAVAILABLE. Default: 10 s. */
  readonly finishMs?: number;
  /** Aborting it has the same effect as close(). */
  readonly signal?: AbortSignal;
}

/** A running server. */
export interface Server {
  /** The address that it listens on, with the actual port if the port was 0. */
  readonly address: string;
  /** Whether it has been told to stop. It may still be serving. */
  readonly draining: boolean;
  /** Stops the server: not ready at once, no new calls after drainMs. Resolves when the last call has ended or finishMs have passed. */
  close(): Promise<void>;
}

/**
 * Serves gRPC, gRPC-Web, Connect and JSON on one plain port, over HTTP/1.1 and HTTP/2, with health and reflection. SIGTERM drains the
 * server, runs the onShutdown() callbacks, and exits the process with 0. SIGINT does the same without drainMs. A second signal of either
 * kind exits at once. Rejects if the address is in use, and with TypeError for a method with an idempotency_key whose handler is neither
 * keyed() nor repeatable().
 */
export async function serve(options: ServeOptions): Promise<Server> {
  refuseUnheededRepeats(options.services);
  const { drainMs = 5_000, finishMs = 10_000, signal } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const readiness = new Readiness(options.checks ?? {});
  const health = healthService(
    readiness,
    options.services.map(({ service }) => service.typeName),
  );
  const { interceptors = [] } = options;
  const services = [...options.services.map((service) => intercepted(service, interceptors)), health];
  const all = [...services, ...requestsUntil(readiness.drained, reflectionServices(services))];
  const files = [...(options.types ?? []), ...all.map(({ service }) => service.file)];
  const cutOff = new AbortController();
  const waiting = new WaitingBytes(limits);
  const grpc = createGrpcHandler({ methods: grpcMethods(all, limits), limits, signal: cutOff.signal, waiting });
  const http = connectListener(all, limits, messageTypes(files), cutOff.signal, waiting);
  const port = await openPort(
    options.listen ?? process.env.WEFT_LISTEN ?? '127.0.0.1:8080',
    { grpc, http },
    limits,
    waiting,
  );

  let closed: Promise<void> | undefined;
  const close = (serveOnMs = drainMs): Promise<void> => {
    closed ??= stop(port, readiness, cutOff, serveOnMs, finishMs).finally(forget);
    return closed;
  };
  const forget = onStopSignal((signal) => close(signal === 'SIGINT' ? 0 : drainMs));
  if (signal?.aborted) void close();
  else signal?.addEventListener('abort', () => void close(), { once: true });
  logger().info({ address: port.address, name: options.name ?? process.env.WEFT_SERVICE }, 'serving');
  return {
    address: port.address,
    get draining() {
      return readiness.draining;
    },
    close: () => close(),
  };
}

async function stop(
  port: Port,
  readiness: Readiness,
  cutOff: AbortController,
  drainMs: number,
  finishMs: number,
): Promise<void> {
  readiness.drain();
  if (drainMs > 0) await new Promise((resolve) => setTimeout(resolve, timerMs(drainMs)));
  const closed = port.close();
  const tell = setTimeout(
    () => cutOff.abort(new ConnectError('the server is closing', Code.Unavailable)),
    timerMs(finishMs),
  );
  const destroy = setTimeout(() => port.destroy(), timerMs(finishMs + lastWordsMs));
  await closed.finally(() => {
    clearTimeout(tell);
    clearTimeout(destroy);
  });
}
