import { connect } from 'node:net';
import { type Client, Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { Health, HealthCheckResponse_ServingStatus } from '@weft/api/grpc/health/v1/health';
import { explainFailure, type HealthProbe, lateReason, probeTimeoutMs, serves } from './health-result.ts';
import type { ListenAddress } from './listen-address.ts';

/** A grpc.health.v1 probe over one connection, which is reopened when it is lost. */
export function grpcHealthProbe(address: ListenAddress): HealthProbe {
  const baseUrl = 'http://localhost';
  const createConnection = () => connect(address);
  const sessionManager = new Http2SessionManager(baseUrl, undefined, { createConnection });
  const client = createClient(
    Health,
    createGrpcTransport({ baseUrl, sessionManager, defaultTimeoutMs: probeTimeoutMs }),
  );
  return {
    check: async () => {
      try {
        const { status } = await client.check({ service: '' });
        if (status === HealthCheckResponse_ServingStatus.SERVING) return serves;
        return { reason: await notServing(client), late: false };
      } catch (error) {
        const code = error instanceof ConnectError ? error.code : undefined;
        if (code === Code.DeadlineExceeded) return { reason: lateReason, late: true };
        return { reason: code === Code.Unimplemented ? notImplemented : explainFailure(error), late: false };
      }
    },
    close: () => sessionManager.abort(),
  };
}

const notImplemented = 'it does not implement grpc.health.v1.Health/Check; add it, or set health in its weft.yaml';

/** Names the failing checks, if the application lists its checks beside its services, as the service kit does. */
async function notServing(client: Client<typeof Health>): Promise<string> {
  // List is younger than Check, and many servers do not have it.
  const { statuses } = await client.list({}).catch(() => ({ statuses: {} }));
  const failing = Object.entries(statuses)
    .filter(
      ([name, { status }]) => name.startsWith(checkPrefix) && status !== HealthCheckResponse_ServingStatus.SERVING,
    )
    .map(([name]) => name.slice(checkPrefix.length));
  return failing.length > 0
    ? `its check of ${failing.join(' and ')} fails`
    : 'its health check reports that it does not serve';
}

/** How the service kit names a check in grpc.health.v1's List. */
const checkPrefix = 'check:';
