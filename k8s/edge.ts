import { marks } from '@weft/compiler/pod/marks';
import {
  adminDirectory,
  controlPlaneHost,
  edgeName,
  partOfWeft,
  rootConfigMap,
  rootDirectory,
  tokenAudience,
  tokenDirectory,
  tokenSeconds,
} from '@weft/compiler/pod/names';
import { proxyUser } from '@weft/compiler/pod/ports';
import { type k8s, k8s as kubernetes } from 'cdk8s-plus-33';
import { Construct } from 'constructs';
import { type Images, stockImages } from './images.ts';
import { namespaces, notInjected, ports, systemSelector } from './names.ts';
import { ourContainer, podSecurity } from './pod-security.ts';
import { percent, port, portName, quantity } from './values.ts';

const name = edgeName;

/** An edge ends at the latest so long after it was told to; calls are waited for, but for the last ten seconds. */
const graceSeconds = 45;

const field = (variable: string, fieldPath: string): k8s.EnvVar => ({
  name: variable,
  valueFrom: { fieldRef: { fieldPath } },
});

const mounts = {
  bootstrap: { name: 'bootstrap', mountPath: '/etc/weft/edge' },
  admin: { name: 'admin', mountPath: adminDirectory },
};

/** The edge: stock Envoys, for callers outside of the mesh, at a port of every node. */
export class Edge extends Construct {
  constructor(scope: Construct, id: string, options: { readonly images: Images }) {
    super(scope, id);
    const selector = systemSelector('edge');
    const metadata = { name, labels: { ...selector, ...partOfWeft } };
    new kubernetes.KubeServiceAccount(this, 'account', { metadata, automountServiceAccountToken: false });
    new kubernetes.KubeService(this, 'service', {
      metadata,
      spec: {
        type: 'NodePort',
        selector,
        ports: [{ name: 'edge', port: ports.service, targetPort: portName('edge'), nodePort: ports.edgeNode }],
      },
    });
    new kubernetes.KubeDeployment(this, 'deployment', {
      metadata,
      spec: {
        replicas: 2,
        selector: { matchLabels: selector },
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: percent(25), maxUnavailable: port(0) } },
        template: {
          metadata: {
            labels: { ...selector, ...partOfWeft, ...notInjected, [marks.gateway]: 'edge' },
            annotations: {
              [marks.gatewayPort]: String(ports.edge),
              'prometheus.io/scrape': 'true',
              'prometheus.io/port': String(ports.ready),
              'prometheus.io/path': '/stats/prometheus',
            },
          },
          spec: podOfEdge(options.images['control-plane'] ?? ''),
        },
      },
    });
    new kubernetes.KubePodDisruptionBudget(this, 'disruption-budget', {
      metadata,
      spec: { maxUnavailable: port(1), unhealthyPodEvictionPolicy: 'AlwaysAllow', selector: { matchLabels: selector } },
    });
    new kubernetes.KubeNetworkPolicy(this, 'network-policy', {
      metadata,
      spec: {
        podSelector: { matchLabels: selector },
        policyTypes: ['Ingress'],
        ingress: [{ ports: [{ port: port(ports.edge) }, { port: port(ports.ready) }] }],
      },
    });
  }
}

function podOfEdge(image: string): k8s.PodSpec {
  const inMemory = (volume: string): k8s.Volume => ({
    name: volume,
    emptyDir: { medium: 'Memory', sizeLimit: quantity('1Mi') },
  });
  return {
    serviceAccountName: name,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: graceSeconds,
    // Of Envoy, and of what talks to its admin socket, which has mode 0600.
    securityContext: { ...podSecurity, runAsUser: proxyUser, runAsGroup: proxyUser, fsGroup: proxyUser },
    initContainers: [
      {
        ...ourContainer,
        name: 'bootstrap',
        image,
        command: ['node', 'src/edge/main.ts'],
        args: [
          'bootstrap',
          `--control-plane=${controlPlaneHost(namespaces.system)}:${ports.xds}`,
          `--port=${ports.edge}`,
          `--out=${mounts.bootstrap.mountPath}/bootstrap.json`,
          '--memory-bytes=$(ENVOY_MEMORY_BYTES)',
          '--max-connections=5000',
        ],
        env: [
          {
            name: 'ENVOY_MEMORY_BYTES',
            valueFrom: { resourceFieldRef: { containerName: 'envoy', resource: 'limits.memory' } },
          },
          field('POD_NAME', 'metadata.name'),
          field('POD_NAMESPACE', 'metadata.namespace'),
          field('POD_IP', 'status.podIP'),
        ],
        resources: {
          requests: { cpu: quantity('10m'), memory: quantity('64Mi') },
          limits: { memory: quantity('256Mi') },
        },
        volumeMounts: [mounts.bootstrap],
      },
      envoy(),
    ],
    containers: [
      // Envoy does not drain on SIGTERM. This does it, and ends when callers have left.
      {
        ...ourContainer,
        name: 'drain',
        image,
        command: ['node', 'src/edge/main.ts'],
        args: ['drain', '--linger=5', `--limit=${graceSeconds - 10}`],
        resources: {
          requests: { cpu: quantity('5m'), memory: quantity('48Mi') },
          limits: { memory: quantity('128Mi') },
        },
        volumeMounts: [mounts.admin],
      },
    ],
    volumes: [
      inMemory('bootstrap'),
      inMemory('admin'),
      { name: 'root', configMap: { name: rootConfigMap } },
      {
        name: 'token',
        projected: {
          sources: [
            { serviceAccountToken: { audience: tokenAudience, expirationSeconds: tokenSeconds, path: 'token' } },
          ],
        },
      },
    ],
  };
}

/** A native sidecar: it ends after `drain` has. */
function envoy(): k8s.Container {
  const ready: k8s.Probe = { httpGet: { path: '/ready', port: portName('stats') }, timeoutSeconds: 3 };
  return {
    ...ourContainer,
    name: 'envoy',
    image: stockImages.envoy,
    restartPolicy: 'Always',
    args: [
      '-c',
      `${mounts.bootstrap.mountPath}/bootstrap.json`,
      '--disable-hot-restart',
      '--concurrency',
      '2',
      // A drain that ended before the pod does would close the listeners on calls that still come.
      '--drain-time-s',
      String(graceSeconds + 5),
      '--drain-strategy',
      'immediate',
      // Whoever looks at the log should not wait for ten seconds, which is Envoy's own.
      '--file-flush-interval-msec',
      '1000',
      '--log-level',
      'warning',
    ],
    ports: [
      { name: 'edge', containerPort: ports.edge },
      { name: 'stats', containerPort: ports.ready },
    ],
    // The edge waits for its first configuration as long as it takes.
    startupProbe: { ...ready, periodSeconds: 1, failureThreshold: 3600 },
    readinessProbe: { ...ready, periodSeconds: 5, failureThreshold: 2 },
    resources: { requests: { cpu: quantity('50m'), memory: quantity('96Mi') }, limits: { memory: quantity('512Mi') } },
    volumeMounts: [
      { ...mounts.bootstrap, readOnly: true },
      { name: 'token', mountPath: tokenDirectory, readOnly: true },
      { name: 'root', mountPath: rootDirectory, readOnly: true },
      mounts.admin,
    ],
  };
}
