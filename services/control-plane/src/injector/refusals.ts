import { marks } from '@weft/compiler/pod/marks';
import { isProxyPort, proxyUser } from '@weft/compiler/pod/ports';
import type { Choices } from './annotations.ts';
import type { Container, Pod } from './pod.ts';
import { volumeNames } from './volumes.ts';

/** Why a pod that is to be in the mesh cannot be, in words for the person who wrote it; undefined: it can. */
export function refusal(pod: Pod, choices: Choices): string | undefined {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  for (const container of containers) {
    const reason = asProxyUser(pod, container) ?? reservedName(container) ?? reservedPort(container);
    if (reason !== undefined) return reason;
  }
  for (const { name } of pod.spec.volumes ?? []) {
    if (Object.values<string>(volumeNames).includes(name)) return `volume ${name}: the name is the mesh's own`;
  }
  if (choices.kit !== 'all') {
    const unknown = choices.kit.find((name) => !containers.some((container) => container.name === name));
    if (unknown !== undefined) {
      return `${marks.kit}: the pod has no container ${JSON.stringify(unknown)}; it has ${containers.map(({ name }) => name).join(', ')}`;
    }
  }
  return undefined;
}

/** Interception tells the proxy by its user: whoever runs as that user would pass by the mesh, both ways. */
function asProxyUser(pod: Pod, container: Container): string | undefined {
  const user = container.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser;
  if (user !== proxyUser) return undefined;
  return `container ${container.name}: runAsUser ${proxyUser} is the proxy's own; take another, or ${marks.inject}: "false"`;
}

function reservedName(container: Container): string | undefined {
  if (!container.name.startsWith('weft-')) return undefined;
  return `container ${container.name}: names that begin with weft- are the mesh's own`;
}

function reservedPort(container: Container): string | undefined {
  const taken = container.ports?.find(({ containerPort, protocol = 'TCP' }) => {
    return protocol === 'TCP' && isProxyPort(containerPort);
  });
  if (!taken) return undefined;
  return `container ${container.name}: port ${taken.containerPort} is the proxy's own; the application must listen on another`;
}
