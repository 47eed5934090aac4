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
}
