import { controlPlaneName, partOfWeft, webhookService } from '@weft/compiler/pod/names';
import { type k8s, k8s as kubernetes } from 'cdk8s-plus-33';
import { Construct } from 'constructs';
import { type Images, stockImages } from './images.ts';
import { namespaces, notInjected, ports, systemSelector } from './names.ts';
import { ourContainer, podSecurity, scratch } from './pod-security.ts';
import { port, portName, quantity } from './values.ts';

const name = controlPlaneName;

/** The control plane, which is the injector's webhook too. */
export class ControlPlane extends Construct {
  constructor(scope: Construct, id: string, options: { readonly images: Images }) {
    super(scope, id);
    const { images } = options;
    const selector = systemSelector('control-plane');
    const metadata = { name, labels: { ...selector, ...partOfWeft } };
    const state = scratch('state', '/var/lib/weft');
    const tmp = scratch('tmp', '/tmp');
    new kubernetes.KubeServiceAccount(this, 'account', { metadata, automountServiceAccountToken: false });
    new kubernetes.KubeService(this, 'service', {
      metadata,
      spec: { selector, ports: [{ name: 'xds', port: ports.xds, targetPort: portName('xds'), appProtocol: 'grpc' }] },
    });
    new kubernetes.KubeService(this, 'webhook', {
      metadata: { ...metadata, name: webhookService },
      spec: {
        // Pods may wait for it before the control plane has seen the whole mesh.
        publishNotReadyAddresses: true,
        selector,
        ports: [{ name: 'webhook', port: 443, targetPort: portName('webhook'), appProtocol: 'https' }],
      },
    });
    new kubernetes.KubeDeployment(this, 'deployment', {
      metadata,
      spec: {
        replicas: 2,
        selector: { matchLabels: selector },
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: port(1), maxUnavailable: port(0) } },
        template: {
          metadata: { labels: { ...selector, ...partOfWeft, ...notInjected } },
          spec: {
            serviceAccountName: name,
            automountServiceAccountToken: true,
            enableServiceLinks: false,
            // Streams are handed over within seconds.
            terminationGracePeriodSeconds: 30,
            securityContext: podSecurity,
            containers: [
              {
                ...ourContainer,
                name: 'control-plane',
                image: images['control-plane'] ?? '',
                args: [
                  '--source=kubernetes',
                  `--namespace=${namespaces.system}`,
                  '--state=/var/lib/weft',
                  `--xds=0.0.0.0:${ports.xds}`,
                  `--webhook=0.0.0.0:${ports.webhook}`,
                  `--health=0.0.0.0:${ports.health}`,
                  `--api=127.0.0.1:${ports.api}`,
                  `--proxy-image=${stockImages.envoy}`,
                  `--interception-image=${images.interception ?? ''}`,
                  '--root-settle=2m',
                ],
                env: [
                  { name: 'LOG_LEVEL', value: 'info' },
                  { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
                  // Where the other replicas reach this one.
                  { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
                  { name: 'WEFT_SIDECAR_RESOURCES', value: JSON.stringify(sidecarResources) },
                  { name: 'WEFT_SIDECAR_LOG_LEVEL', value: 'warning' },
                ],
                ports: [
                  { name: 'xds', containerPort: ports.xds },
                  { name: 'webhook', containerPort: ports.webhook },
                  { name: 'health', containerPort: ports.health },
                ],
                startupProbe: { ...asks('/healthz'), periodSeconds: 1, failureThreshold: 120 },
                // Ready once it has seen the whole mesh, until it is told to end.
                readinessProbe: { ...asks('/readyz'), periodSeconds: 2, timeoutSeconds: 3, failureThreshold: 2 },
                livenessProbe: { ...asks('/healthz'), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
                resources: {
                  requests: { cpu: quantity('50m'), memory: quantity('256Mi') },
                  limits: { memory: quantity('1Gi') },
                },
                volumeMounts: [state.mount, tmp.mount],
              },
            ],
            volumes: [state.volume, tmp.volume],
          },
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
        // Proxies of any namespace, with a token; and the API server, which has no pod.
        ingress: [{ ports: [{ port: port(ports.xds) }, { port: port(ports.webhook) }] }],
      },
    });
  }
}

const asks = (path: string): k8s.Probe => ({ httpGet: { path, port: portName('health') } });

const sidecarResources = {
  limits: { memory: '256Mi' },
  requests: { cpu: '20m', memory: '64Mi' },
};
