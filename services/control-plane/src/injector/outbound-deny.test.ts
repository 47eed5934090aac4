import { marks } from '@weft/compiler/pod/marks';
import test from 'ava';
import { inject } from './inject.ts';
import { type Pod, podSchema } from './pod.ts';
import { defaultSettings, freshSecrets } from './settings.ts';

const labels = { [marks.inject]: 'true' };
const denying = { ...defaultSettings, outbound: () => 'deny' as const };

function pod(spec: object = {}, annotations: Record<string, string> = {}): Pod {
  return podSchema.parse({ metadata: { name: 'web', annotations }, spec: { containers: [{ name: 'web' }], ...spec } });
}

const passing: Readonly<Record<string, readonly [Pod, RegExp]>> = {
  'excluded ports': [
    pod({}, { [marks.excludeOutboundPorts]: '443' }),
    /^weft\.dev\/exclude-outbound-ports: 443: .*ExternalService/,
  ],
  'excluded addresses': [
    pod({}, { [marks.excludeOutboundAddresses]: '0.0.0.0/0' }),
    /^weft\.dev\/exclude-outbound-addresses: 0/,
  ],
  'name servers of its own': [pod({ dnsConfig: { nameservers: ['203.0.113.9'] } }), /^dnsConfig.nameservers: 203/],
  'a privileged container': [
    pod({ containers: [{ name: 'web', securityContext: { privileged: true } }] }),
    /^container web: privileged/,
  ],
  'a container that may change the rules': [
    pod({ initContainers: [{ name: 'setup', securityContext: { capabilities: { add: ['CAP_NET_ADMIN'] } } }] }),
    /^container setup: capability CAP_NET_ADMIN/,
  ],
};

for (const [what, [given, message]] of Object.entries(passing)) {
  test(`where the mesh denies what is not declared, a pod with ${what} is refused`, (t) => {
    const result = inject(given, labels, denying, freshSecrets());
    if (!('refused' in result)) return t.fail('it was taken');
    t.regex(result.refused, message);
    t.regex(result.refused, /, and the MeshConfig says outbound: deny$/);
    t.like(inject(given, labels, defaultSettings, freshSecrets()), { changed: true }, 'elsewhere it is taken');
  });
}

test('no image can run as the proxy: its user is another one in each pod, and interception knows it', (t) => {
  const users = new Set<number>();
  for (let left = 20; left > 0; left--) {
    const result = inject(pod(), labels, denying, freshSecrets());
    if (!('pod' in result)) return t.fail();
    const [interception, sidecar] = result.pod.spec.initContainers ?? [];
    const user = sidecar?.securityContext?.runAsUser ?? 0;
    t.is(interception?.env?.find(({ name }) => name === 'WEFT_PROXY_USER')?.value, String(user));
    t.true(user >= 2 ** 30 && user < 2 ** 31 - 1);
    users.add(user);
  }
  t.is(users.size, 20);
  const { proxyUser } = freshSecrets(false);
  t.true(proxyUser >= 10_000 && proxyUser <= 65_535, 'all that a user namespace has');
});
