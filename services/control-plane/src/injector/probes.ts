import type { ApplicationAddress } from '@weft/compiler/model/workload';
import { firstGrpcProbePort, kubeletPort } from '@weft/compiler/pod/ports';
import type { Locate } from './application.ts';
import type { Container, HttpGet, LifecycleHandler, Probe } from './pod.ts';

/** What the proxy does for the kubelet: GET of `path` is a GET of the application, or the answer whether its port is open. */
export type KubeletRoute =
  | {
      readonly kind: 'http';
      readonly path: string;
      readonly application: ApplicationAddress;
      /** With its query. */
      readonly applicationPath: string;
      readonly tls: boolean;
    }
  | {
      readonly kind: 'tcp';
      readonly path: string;
      readonly application: ApplicationAddress;
      readonly periodSeconds: number;
      readonly timeoutSeconds: number;
    };

/** A port of the proxy on which the kubelet finds the application's grpc.health.v1.Health/Check, and nothing else. */
export interface GrpcProbePort {
  readonly port: number;
  readonly application: ApplicationAddress;
}

/** Probes as the kubelet will send them, and what the proxy must know to answer. */
export interface RewrittenProbes {
  readonly containers: readonly Container[];
  readonly routes: readonly KubeletRoute[];
  readonly grpc: readonly GrpcProbePort[];
}

const defaultPeriodSeconds = 10;
const idlePeriodSeconds = 60;
const kinds = [
  ['startupProbe', 'startup'],
  ['readinessProbe', 'readiness'],
  ['livenessProbe', 'liveness'],
] as const;
const hooks = [
  ['postStart', 'post-start'],
  ['preStop', 'pre-stop'],
] as const;

/**
 * Sends the kubelet's probes and lifecycle hooks to the proxy's plaintext listener, since the application's own ports take mTLS
 * only. exec stays; so does whatever names a host of its own, or a port that its container does not have: the kubelet says what
 * is wrong with that.
 */
export function rewriteProbes(containers: readonly Container[], locate: Locate): RewrittenProbes {
  const routes: KubeletRoute[] = [];
  const grpc: GrpcProbePort[] = [];

  function throughHttp(container: Container, word: string, get: HttpGet): HttpGet | undefined {
    const port = portNumber(container, get.port);
    if (port === undefined || get.host !== undefined) return undefined;
    const path = `/probe/${container.name}/${word}`;
    const applicationPath = get.path?.startsWith('/') ? get.path : `/${get.path ?? ''}`;
    const tls = get.scheme?.toUpperCase() === 'HTTPS';
    routes.push({ kind: 'http', path, application: locate(container, port), applicationPath, tls });
    const { scheme: _, ...rest } = get;
    return { ...rest, path, port: kubeletPort, scheme: 'HTTP' };
  }

  function throughTcp(container: Container, word: string, probe: Probe): Probe | undefined {
    const { tcpSocket, ...rest } = probe;
    const port = tcpSocket && tcpSocket.host === undefined ? portNumber(container, tcpSocket.port) : undefined;
    if (port === undefined) return undefined;
    const path = `/probe/${container.name}/${word}`;
    const { timeoutSeconds = 1 } = probe;
    // A startup probe is over when its port is open, and a closed port is looked at each second anyway.
    const periodSeconds = word === 'startup' ? idlePeriodSeconds : (probe.periodSeconds ?? defaultPeriodSeconds);
    routes.push({ kind: 'tcp', path, application: locate(container, port), periodSeconds, timeoutSeconds });
    return { ...rest, httpGet: { path, port: kubeletPort, scheme: 'HTTP' } };
  }

  function throughGrpc(container: Container, probe: Probe): Probe | undefined {
    if (!probe.grpc) return undefined;
    const application = locate(container, probe.grpc.port);
    // The kubelet says which service it means in the message, not in the path: only a port can tell applications apart.
    let door = grpc.find((known) => sameAddress(known.application, application));
    if (!door) {
      door = { port: firstGrpcProbePort + grpc.length, application };
      grpc.push(door);
    }
    return { ...probe, grpc: { ...probe.grpc, port: door.port } };
  }

  function rewriteProbe(container: Container, word: string, probe: Probe): Probe | undefined {
    if (probe.httpGet) {
      const httpGet = throughHttp(container, word, probe.httpGet);
      return httpGet && { ...probe, httpGet };
    }
    return throughTcp(container, word, probe) ?? throughGrpc(container, probe);
  }

  const rewritten = containers.map((container) => {
    let changed = container;
    for (const [field, word] of kinds) {
      const probe = container[field];
      const fresh = probe && rewriteProbe(container, word, probe);
      if (fresh) changed = { ...changed, [field]: fresh };
    }
    for (const [field, word] of hooks) {
      const hook: LifecycleHandler | undefined = container.lifecycle?.[field];
      const httpGet = hook?.httpGet && throughHttp(container, word, hook.httpGet);
      if (httpGet) changed = { ...changed, lifecycle: { ...changed.lifecycle, [field]: { ...hook, httpGet } } };
    }
    return changed;
  });
  return { containers: rewritten, routes, grpc };
}

/** A port as the kubelet finds it: a number, a number in quotes, or the name of one of the container's ports. */
function portNumber(container: Container, port: number | string): number | undefined {
  if (typeof port === 'number') return port;
  const named = container.ports?.find(({ name }) => name === port)?.containerPort;
  if (named !== undefined) return named;
  return /^\d+$/.test(port) ? Number(port) : undefined;
}

/** Whether two addresses are the same place. */
export function sameAddress(one: ApplicationAddress, other: ApplicationAddress): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
