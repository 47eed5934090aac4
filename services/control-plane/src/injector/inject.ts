import { marks } from '@weft/compiler/pod/marks';
import { sidecarName } from '@weft/compiler/pod/names';
import { inboundPort, kubeletPort, outboundPort, readyPort } from '@weft/compiler/pod/ports';
import { AnnotationError, type Choices, readChoices, wantsInjection } from './annotations.ts';
import { kitEnvironment, kitListen, kitServer, locator, usesKit } from './application.ts';
import { sidecarBootstrap } from './bootstrap-sidecar.ts';
import { gracePeriodSeconds, lingering } from './drain.ts';
import { interceptionContainer } from './interception-container.ts';
import { type InterceptionMode, interceptionMode } from './interception-mode.ts';
import { bytesOf } from './memory-quantity.ts';
import type { Container, Labels, Pod } from './pod.ts';
import { rewriteProbes } from './probes.ts';
import { refusal } from './refusals.ts';
import type { InjectorSettings, PodSecrets } from './settings.ts';
import { sidecarContainer } from './sidecar-container.ts';
import { applicationMount, volumes } from './volumes.ts';

/** What becomes of a pod. */
export type Injection =
  | {
      readonly pod: Pod;
      readonly changed: boolean;
      /** Why it was left alone though it was to be in the mesh. */
      readonly reason?: string;
    }
  /** It cannot be in the mesh as it is, and must not start outside it unnoticed. */
  | { readonly refused: string };

/**
 * Gives a pod its sidecar. Pure: the same pod, labels, settings and secrets give the same result, and the pod that went in is not
 * changed. What is injected already stays as it is.
 */
export function inject(pod: Pod, namespaceLabels: Labels, settings: InjectorSettings, secrets: PodSecrets): Injection {
  try {
    if (!wantsInjection(pod, namespaceLabels)) return { pod, changed: false };
    if (isInjected(pod)) return { pod, changed: false };
    const reason = outOfReach(pod);
    if (reason !== undefined) return { pod, changed: false, reason };
    const choices = readChoices(pod);
    const refused = refusal(pod, choices);
    if (refused !== undefined) return { refused };
    return { pod: injected(pod, choices, interceptionMode(pod, namespaceLabels), settings, secrets), changed: true };
  } catch (error) {
    if (error instanceof AnnotationError) return { refused: error.message };
    throw error;
  }
}

function isInjected(pod: Pod): boolean {
  return pod.spec.initContainers?.some(({ name }) => name === sidecarName) ?? false;
}

function outOfReach(pod: Pod): string | undefined {
  if (pod.spec.hostNetwork) return "it is not in the mesh: with hostNetwork its ports are the node's";
  if (pod.metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined) {
    return "it is not in the mesh: a static pod is its node's, and cannot be changed";
  }
  if (pod.spec.os?.name === 'windows') return 'it is not in the mesh: there is no proxy for Windows';
  return undefined;
}

function injected(
  pod: Pod,
  choices: Choices,
  mode: InterceptionMode,
  settings: InjectorSettings,
  secrets: PodSecrets,
): Pod {
  const { spec, metadata } = pod;
  const server = kitServer(pod, choices);
  const listen = server && kitListen(server, mode);
  const shared = listen?.startsWith('unix:') ?? false;
  const graceSeconds = gracePeriodSeconds(spec.terminationGracePeriodSeconds);

  function prepared(container: Container, isMain: boolean): Container {
    if (!usesKit(container, choices)) return isMain ? lingering(container, graceSeconds) : container;
    const serves = container.name === server?.name;
    return {
      ...container,
      env: [...kitEnvironment(container, serves, mode)],
      ...(serves && shared ? { volumeMounts: [...(container.volumeMounts ?? []), applicationMount] } : {}),
    };
  }

  const users = spec.initContainers ?? [];
  const probes = rewriteProbes([...users, ...spec.containers], locator(pod, choices, mode));
  const rewrittenInit = probes.containers.slice(0, users.length);
  const bootstrap = sidecarBootstrap({
    controlPlane: settings.controlPlane,
    mode,
    routes: probes.routes,
    grpc: probes.grpc,
    openPorts: choices.excludeInboundPorts,
    drainSecret: secrets.drain,
    memoryBytes: bytesOf(choices.resources.memoryLimit ?? settings.resources.memoryLimit),
  });
  const sidecar = sidecarContainer(settings, {
    choices,
    mode,
    bootstrap,
    drainSecret: secrets.drain,
    terminationGracePeriodSeconds: graceSeconds,
    withApplication: shared,
  });
  const plainPorts = [inboundPort, outboundPort, readyPort, kubeletPort, ...probes.grpc.map(({ port }) => port)];
  const interception = mode === 'redirect' ? [interceptionContainer(settings, choices, plainPorts)] : [];
  return {
    ...pod,
    metadata: {
      ...metadata,
      labels: { ...metadata?.labels, [marks.injected]: mode },
      ...(shared && listen ? { annotations: { ...metadata?.annotations, [marks.application]: listen } } : {}),
    },
    spec: {
      ...spec,
      // The user's own init containers may call others, so they come last.
      initContainers: [...interception, sidecar, ...rewrittenInit.map((container) => prepared(container, false))],
      containers: probes.containers.slice(users.length).map((container) => prepared(container, true)),
      volumes: [...(spec.volumes ?? []), ...volumes(shared)],
    },
  };
}
