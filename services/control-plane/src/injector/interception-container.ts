import { interceptionName } from '@weft/compiler/pod/names';
import { inboundPort, outboundPort, readyPort } from '@weft/compiler/pod/ports';
import type { Choices } from './annotations.ts';
import type { Container } from './pod.ts';
import type { InjectorSettings } from './settings.ts';
import { resourcesOf } from './sidecar-container.ts';
import { noApiTokenMount } from './volumes.ts';

/**
 * Redirects the pod's calls to its proxy. `plainPorts`: those of the proxy that the kubelet and others reach in plain text; `user`: the
 * proxy's, whose calls go straight. See images/interception.
 */
export function interceptionContainer(
  settings: InjectorSettings,
  choices: Choices,
  { plainPorts, user }: { readonly plainPorts: readonly number[]; readonly user: number },
): Container {
  const env = {
    WEFT_PROXY_USER: String(user),
    WEFT_INBOUND_PORT: String(inboundPort),
    WEFT_OUTBOUND_PORT: String(outboundPort),
    WEFT_INBOUND_PORTS: choices.inboundPorts === 'all' ? '*' : choices.inboundPorts.join(','),
    WEFT_EXCLUDE_INBOUND_PORTS: [...plainPorts, ...choices.excludeInboundPorts].join(','),
    // Metrics of other pods' proxies are scraped, not called.
    WEFT_EXCLUDE_OUTBOUND_PORTS: [readyPort, ...choices.excludeOutboundPorts].join(','),
    WEFT_EXCLUDE_OUTBOUND_ADDRESSES: choices.excludeOutboundAddresses.join(','),
  };
  return {
    name: interceptionName,
    image: settings.interceptionImage,
    env: Object.entries(env).map(([name, value]) => ({ name, value })),
    resources: resourcesOf({ ...settings.resources, ...choices.resources }),
    securityContext: {
      runAsUser: 0,
      runAsGroup: 0,
      runAsNonRoot: false,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      privileged: false,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumeMounts: [noApiTokenMount],
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
}
