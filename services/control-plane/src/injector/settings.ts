import { randomBytes, randomInt } from 'node:crypto';
import type { MeshSettings } from '@weft/compiler/model/mesh';
import type { SocketAddress } from '@weft/compiler/model/workload';
import { controlPlaneHost, systemNamespace } from '@weft/compiler/pod/names';
import { controlPlanePorts } from '@weft/compiler/pod/ports';

/** What holds for every pod that is injected. */
export interface InjectorSettings {
  /** A stock Envoy. */
  readonly proxyImage: string;
  /** The image of images/interception. */
  readonly interceptionImage: string;
  /** Where proxies find the control plane; `host` may be a DNS name. */
  readonly controlPlane: SocketAddress;
  /** Of the proxy and of the interception container; annotations of a pod replace each. */
  readonly resources: ProxyResources;
  /** Envoy's own log level. */
  readonly logLevel: string;
  /** What the mesh says of calls out of it, as far as that is known. Default: allow. */
  readonly outbound?: () => MeshSettings['outbound'];
}

/** Kubernetes quantities. */
export interface ProxyResources {
  readonly cpuRequest: string;
  readonly memoryRequest: string;
  /** Absent: no limit, since a throttled proxy slows every call. */
  readonly cpuLimit?: string;
  readonly memoryLimit: string;
}

/** What an installation has unless it says otherwise. */
export const defaultSettings: InjectorSettings = {
  proxyImage: 'envoyproxy/envoy:distroless-v1.40.0',
  interceptionImage: 'weft/interception:0.1.0',
  controlPlane: { host: controlPlaneHost(systemNamespace), port: controlPlanePorts.xds },
  resources: { cpuRequest: '20m', memoryRequest: '64Mi', memoryLimit: '256Mi' },
  logLevel: 'warning',
};

/** What only one pod has. */
export interface PodSecrets {
  /** Must come with GET /drain: a hard guess, fresh for each pod. */
  readonly drain: string;
  /**
   * The user of the proxy where interception tells the proxy by its user. No image can be made to run as it, because it is another one
   * in each pod.
   */
  readonly proxyUser: number;
}

/** The first of the users that proxies get; 2^30 of them. */
const firstProxyUser = 2 ** 30;

/** A pod with a user namespace has the users up to 65,535 only; below 10,000 images have theirs. */
const namespacedUsers = { first: 10_000, count: 55_000 };

/** Secrets for a pod that is about to be made. `hostUsers`: as its spec says. */
export function freshSecrets(hostUsers = true): PodSecrets {
  return {
    drain: randomBytes(18).toString('base64url'),
    proxyUser: hostUsers
      ? firstProxyUser + randomInt(2 ** 30 - 1)
      : namespacedUsers.first + randomInt(namespacedUsers.count),
  };
}
