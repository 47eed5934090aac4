import { sidecarName } from '@weft/compiler/pod/names';
import { kubeletPort, readinessPort, readyPort } from '@weft/compiler/pod/ports';
import type { Choices } from './annotations.ts';
import { drainHeader } from './bootstrap-kubelet-listener.ts';
import { podVariables } from './bootstrap-variables.ts';
import type { InterceptionMode } from './interception-mode.ts';
import type { Container } from './pod.ts';
import type { InjectorSettings, ProxyResources } from './settings.ts';
import { applicationMount, proxyMounts } from './volumes.ts';

/** What the sidecar's container depends on besides the settings. */
export interface SidecarOptions {
  readonly choices: Choices;
  readonly mode: InterceptionMode;
  /** The argument of --config-yaml. */
  readonly bootstrap: string;
  readonly drainSecret: string;
  /** Whom it runs as. */
  readonly user: number;
  readonly terminationGracePeriodSeconds: number;
  /** Mounts the directory that it shares with the application. */
  readonly withApplication: boolean;
}

/**
 * Envoy as a native sidecar: it is ready before the containers after it start, ends after the last of the pod's main containers
 * has ended, and does not keep a Job from completing.
 *
 * See https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/.
 */
export function sidecarContainer(settings: InjectorSettings, options: SidecarOptions): Container {
  const { choices } = options;
  const ready = { httpGet: { path: '/ready', port: readyPort, scheme: 'HTTP' }, timeoutSeconds: 3 };
  // Without interception it also watches over the application's ports, see bootstrap-exposure.ts.
  const guarded = { grpc: { port: readinessPort }, timeoutSeconds: 3, periodSeconds: 2, failureThreshold: 1 };
  return {
    name: sidecarName,
    image: settings.proxyImage,
    restartPolicy: 'Always',
    args: [
      '--config-yaml',
      options.bootstrap,
      '--disable-hot-restart',
      '--concurrency',
      String(choices.concurrency),
      // A drain that ends before the pod does would close the listeners on calls that still come.
      '--drain-time-s',
      String(options.terminationGracePeriodSeconds + 5),
      '--drain-strategy',
      'immediate',
      // Whoever looks at the log should not wait for ten seconds, which is Envoy's own.
      '--file-flush-interval-msec',
      '1000',
      '--log-level',
      choices.logLevel ?? settings.logLevel,
    ],
    env: podVariables,
    ports: [{ name: 'weft-stats', containerPort: readyPort, protocol: 'TCP' }],
    resources: resourcesOf({ ...settings.resources, ...choices.resources }),
    securityContext: {
      runAsUser: options.user,
      runAsGroup: options.user,
      runAsNonRoot: true,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      privileged: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    // The proxy waits for its first configuration as long as it takes; a restart would not bring it sooner.
    startupProbe: { ...ready, periodSeconds: 1, failureThreshold: 3600 },
    readinessProbe: options.mode === 'none' ? guarded : { ...ready, periodSeconds: 5, failureThreshold: 2 },
    lifecycle: {
      preStop: {
        httpGet: {
          path: '/drain',
          port: kubeletPort,
          scheme: 'HTTP',
          httpHeaders: [{ name: drainHeader, value: options.drainSecret }],
        },
      },
    },
    volumeMounts: [...proxyMounts, ...(options.withApplication ? [applicationMount] : [])],
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
}

/** Kubernetes' form of the resources. */
export function resourcesOf(resources: ProxyResources) {
  const { cpuRequest, cpuLimit, memoryRequest, memoryLimit } = resources;
  return {
    requests: { cpu: cpuRequest, memory: memoryRequest },
    limits: { ...(cpuLimit === undefined ? {} : { cpu: cpuLimit }), memory: memoryLimit },
  };
}
