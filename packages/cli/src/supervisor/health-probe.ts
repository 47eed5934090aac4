import { request } from 'node:http';
import { connect } from 'node:net';
import type { HealthCheck } from '../service-manifest.ts';
import { grpcHealthProbe } from './grpc-health-probe.ts';
import {
  explainFailure,
  type HealthProbe,
  type HealthResult,
  lateReason,
  probeTimeoutMs,
  serves,
} from './health-result.ts';
import type { ListenAddress } from './listen-address.ts';

/** A probe of the application that listens at `address`, of the kind that its weft.yaml names. */
export function healthProbe(address: ListenAddress, health: HealthCheck): HealthProbe {
  switch (health.protocol) {
    case 'grpc':
      return grpcHealthProbe(address);
    case 'http':
      return probe(() => httpCheck(address, health.path));
    case 'tcp':
      return probe(() => tcpCheck(address));
    case 'none':
      return probe(async () => serves);
  }
}

function probe(check: () => Promise<HealthResult>): HealthProbe {
  return {
    check: () => check().catch((error: unknown) => ({ reason: explainFailure(error), late: false })),
    close: () => {},
  };
}

function httpCheck(address: ListenAddress, path: string): Promise<HealthResult> {
  const { promise, resolve, reject } = Promise.withResolvers<HealthResult>();
  const where = 'path' in address ? { socketPath: address.path } : address;
  const call = request({ ...where, path, agent: false, timeout: probeTimeoutMs }, (response) => {
    response.resume();
    const { statusCode = 0 } = response;
    const healthy = statusCode >= 200 && statusCode < 300;
    resolve(healthy ? serves : { reason: `its health check GET ${path} answers ${statusCode}`, late: false });
  });
  call.once('timeout', () => {
    resolve({ reason: lateReason, late: true });
    call.destroy();
  });
  call.once('error', reject);
  call.end();
  return promise;
}

function tcpCheck(address: ListenAddress): Promise<HealthResult> {
  const { promise, resolve, reject } = Promise.withResolvers<HealthResult>();
  const socket = connect(address);
  socket.setTimeout(probeTimeoutMs, () => {
    resolve({ reason: lateReason, late: true });
    socket.destroy();
  });
  socket.once('connect', () => {
    resolve(serves);
    socket.destroy();
  });
  socket.once('error', reject);
  return promise;
}
