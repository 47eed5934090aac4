import { connect } from 'node:net';
import { type Client, Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { Health, HealthCheckResponse_ServingStatus } from '@weft/api/grpc/health/v1/health';
import { reasonOf } from '../command-error.ts';
import { isNobodyListening } from '../system-error.ts';

/** How long an application may take to say how it is. */
const timeoutMs = 3_000;

/** What a check found. */
export interface HealthResult {
  /** Empty when it serves, else why not, in a few words. */
  readonly reason: string;
  /** It did not answer in time, which a busy machine explains as well as a broken application. */
  readonly late: boolean;
}

/** Asks an application behind a unix socket for its health (grpc.health.v1). */
export interface HealthProbe {
  /** Never rejects. */
  check(): Promise<HealthResult>;
  close(): void;
}

/** A probe of the application that listens on `socketPath`, over one connection that is opened again when it is lost. */
export function healthProbe(socketPath: string): HealthProbe {
  const baseUrl = 'http://localhost';
  const createConnection = () => connect(socketPath);
  const sessionManager = new Http2SessionManager(baseUrl, undefined, { createConnection });
  const client = createClient(Health, createGrpcTransport({ baseUrl, sessionManager, defaultTimeoutMs: timeoutMs }));
  return {
    check: async () => {
      try {
        const { status } = await client.check({ service: '' });
        if (status === HealthCheckResponse_ServingStatus.SERVING) return { reason: '', late: false };
        return { reason: await notServing(client), late: false };
      } catch (error) {
        const late = error instanceof ConnectError && error.code === Code.DeadlineExceeded;
        return { reason: late ? `its health check takes longer than ${timeoutMs} ms` : explain(error), late };
      }
    },
    close: () => sessionManager.abort(),
  };
}

/** Names what fails, where the application lists its checks beside its services as the service kit does. */
async function notServing(client: Client<typeof Health>): Promise<string> {
  const { statuses } = await client.list({});
  const failing = Object.entries(statuses)
    .filter(
      ([name, { status }]) => name.startsWith(checkPrefix) && status !== HealthCheckResponse_ServingStatus.SERVING,
    )
    .map(([name]) => name.slice(checkPrefix.length));
  return failing.length > 0
    ? `its check of ${failing.join(' and ')} fails`
    : 'its health check says that it does not serve';
}

/** How the service kit names a check in grpc.health.v1's List. */
const checkPrefix = 'check:';

function explain(error: unknown): string {
  return isNobodyListening(error) ? 'it does not listen yet' : `its health check failed (${reasonOf(error)})`;
}
