import type { MeshSettings } from '@weft/compiler/model/mesh';
import { marks } from '@weft/compiler/pod/marks';
import { isProxyPort, proxyUser } from '@weft/compiler/pod/ports';
import type { Choices } from './annotations.ts';
import type { Container, Pod } from './pod.ts';
import { volumeNames } from './volumes.ts';

/** Why a pod that is to be in the mesh cannot be, in words for the person who wrote it; undefined: it can. */
export function refusal(pod: Pod, choices: Choices, outbound: MeshSettings['outbound']): string | undefined {
  const passing = outbound === 'deny' ? pastTheProxy(pod, choices) : undefined;
  if (passing !== undefined) return `${passing}, and the MeshConfig says outbound: deny`;
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

/** Capabilities by which a container undoes interception. */
const undoing = new Set(['ALL', 'NET_ADMIN', 'SYS_ADMIN']);

/** Where the mesh denies what is not declared, nobody takes himself out of that; undefined: nobody does here. */
function pastTheProxy(
  { spec }: Pod,
  { excludeOutboundPorts: ports, excludeOutboundAddresses: addresses }: Choices,
): string | undefined {
  const instead = 'calls would pass by the proxy (declare an ExternalService)';
  if (ports.length > 0) return `${marks.excludeOutboundPorts}: ${ports.join(', ')}: ${instead}`;
  if (addresses.length > 0) return `${marks.excludeOutboundAddresses}: ${addresses.join(', ')}: ${instead}`;
  const servers = spec.dnsConfig?.nameservers ?? [];
  if (servers.length > 0) {
    return `dnsConfig.nameservers: ${servers.join(', ')}: port 53 of a pod's name servers is not intercepted`;
  }
  for (const { name, securityContext } of [...(spec.initContainers ?? []), ...spec.containers]) {
    if (securityContext?.privileged) return `container ${name}: privileged: it could undo the interception`;
    const found = securityContext?.capabilities?.add?.find((capability) =>
      undoing.has(capability.replace(/^CAP_/, '')),
    );
    if (found !== undefined) return `container ${name}: capability ${found}: it could undo the interception`;
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
