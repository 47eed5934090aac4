import { marks } from '@weft/compiler/pod/marks';
import { type k8s, k8s as kubernetes } from 'cdk8s-plus-33';
import { Construct } from 'constructs';
import type { Contract } from './contracts.ts';
import { connectionOf, databaseSecret } from './database-setup.ts';
import type { Images } from './images.ts';
import { partOfShop, ports, type ShopService, selector } from './names.ts';
import { containerSecurity, podSecurity, scratch } from './pod-security.ts';
import { port, quantity } from './values.ts';

/** What a service needs beside its name. */
export interface ShopServiceOptions {
  readonly service: ShopService;
  readonly images: Images;
  readonly contract: Contract;
  /** An OTLP/gRPC collector, "http://host:4317"; absent: no spans leave. */
  readonly otlpEndpoint?: string;
}

/** One of the shop's services, as charts/service makes it. The injector gives its pods their sidecars. */
export class ShopServiceDeployment extends Construct {
  readonly #selector: Record<string, string>;
  readonly #metadata: k8s.ObjectMeta;

  constructor(scope: Construct, id: string, options: ShopServiceOptions) {
    super(scope, id);
    const { name } = options.service;
    this.#selector = selector(name);
    this.#metadata = { name, labels: { ...this.#selector, ...partOfShop } };
    new kubernetes.KubeServiceAccount(this, 'account', {
      metadata: this.#metadata,
      automountServiceAccountToken: false,
    });
    new kubernetes.KubeService(this, 'service', {
      metadata: this.#metadata,
      spec: {
        selector: this.#selector,
        ports: [{ name: 'app', port: ports.service, targetPort: port(ports.application), appProtocol: 'grpc' }],
      },
    });
    this.#deployment(options);
    new kubernetes.KubePodDisruptionBudget(this, 'disruption-budget', {
      metadata: this.#metadata,
      spec: {
        maxUnavailable: port(1),
        // A pod that does not work must not keep a node from being drained.
        unhealthyPodEvictionPolicy: 'AlwaysAllow',
        selector: { matchLabels: this.#selector },
      },
    });
    new kubernetes.KubeNetworkPolicy(this, 'network-policy', {
      metadata: this.#metadata,
      spec: {
        podSelector: { matchLabels: this.#selector },
        policyTypes: ['Ingress'],
        ingress: [{ ports: [{ port: port(ports.application) }] }, { ports: [{ port: port(ports.ready) }] }],
      },
    });
  }

  #deployment({ service, images, contract, otlpEndpoint }: ShopServiceOptions): void {
    const { name, logicalName } = service;
    const tmp = scratch('tmp', '/tmp');
    const telemetry = otlpEndpoint
      ? [
          { name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: otlpEndpoint },
          { name: 'OTEL_EXPORTER_OTLP_PROTOCOL', value: 'grpc' },
          { name: 'OTEL_SERVICE_NAME', value: logicalName },
        ]
      : [];
    new kubernetes.KubeDeployment(this, 'deployment', {
      metadata: this.#metadata,
      spec: {
        replicas: 1,
        selector: { matchLabels: this.#selector },
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: port(1), maxUnavailable: port(0) } },
        template: {
          metadata: {
            labels: { ...this.#metadata.labels, [marks.inject]: 'true', [marks.contract]: contract.hash },
            annotations: {
              [marks.kit]: name,
              // Sessions with the database are the service's own: no sidecar between, neither for a restart nor for a delay.
              [marks.excludeOutboundPorts]: String(ports.postgres),
            },
          },
          spec: {
            serviceAccountName: name,
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            terminationGracePeriodSeconds: 30,
            securityContext: podSecurity,
            initContainers: [
              {
                name: 'wait-for-database',
                image: images['database-setup'] ?? '',
                imagePullPolicy: 'IfNotPresent',
                args: ['wait'],
                env: connectionOf(databaseSecret(name)),
                securityContext: containerSecurity,
              },
            ],
            containers: [
              {
                name,
                image: images[name] ?? '',
                imagePullPolicy: 'IfNotPresent',
                ports: [{ name: 'app', containerPort: ports.application }],
                env: [
                  { name: 'WEFT_SERVICE', value: logicalName },
                  { name: 'WEFT_CONTRACT', value: contract.hash },
                  { name: 'LOG_LEVEL', value: 'info' },
                  ...telemetry,
                  ...connectionOf(databaseSecret(name)),
                ],
                startupProbe: { ...healthProbe, periodSeconds: 1, failureThreshold: 600 },
                readinessProbe: { ...healthProbe, periodSeconds: 5, failureThreshold: 2 },
                // Not its health: that knows the database, and a restart would not bring that back.
                livenessProbe: {
                  tcpSocket: { port: port(ports.application) },
                  periodSeconds: 10,
                  timeoutSeconds: 3,
                  failureThreshold: 6,
                },
                resources: {
                  requests: { cpu: quantity('20m'), memory: quantity('96Mi') },
                  limits: { memory: quantity('256Mi') },
                },
                securityContext: containerSecurity,
                volumeMounts: [tmp.mount],
              },
            ],
            volumes: [tmp.volume],
          },
        },
      },
    });
  }
}

const healthProbe: k8s.Probe = { grpc: { port: ports.application }, timeoutSeconds: 3 };
