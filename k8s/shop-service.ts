import { type k8s, k8s as kubernetes } from 'cdk8s-plus-33';
import { Construct } from 'constructs';
import { credentialsFrom, database, databaseSecret } from './database-setup.ts';
import type { Images } from './images.ts';
import { marks, namespaces, ports, type ShopService } from './names.ts';
import { restricted, scratch, weftUser } from './pod-security.ts';
import { postgresHost, quantity } from './postgres.ts';

/** What a service needs beside its name. */
export interface ShopServiceOptions {
  readonly service: ShopService;
  readonly images: Images;
  /** Of its contract: the hash of the descriptor set. */
  readonly contract: string;
  /** An OTLP/gRPC collector, "http://host:4317"; absent: no spans leave. */
  readonly otlpEndpoint?: string;
}

/** One of the shop's services: its account, its Service and its Deployment. The injector gives it its sidecar. */
export class ShopServiceDeployment extends Construct {
  constructor(scope: Construct, id: string, options: ShopServiceOptions) {
    super(scope, id);
    const { service, images, contract, otlpEndpoint } = options;
    const { name, logicalName } = service;
    const selector = { 'app.kubernetes.io/name': name };
    const labels = { ...selector, 'app.kubernetes.io/part-of': namespaces.shop };
    const tmp = scratch('tmp', '/tmp');
    const connection: k8s.EnvVar[] = [
      { name: 'PGHOST', value: postgresHost },
      { name: 'PGPORT', value: String(ports.postgres) },
      { name: 'PGDATABASE', value: database },
      ...credentialsFrom(databaseSecret(name)),
    ];
    const container = {
      imagePullPolicy: 'IfNotPresent',
      securityContext: restricted(weftUser),
      volumeMounts: [tmp.mount],
    };
    new kubernetes.KubeServiceAccount(this, 'account', {
      metadata: { name, labels },
      automountServiceAccountToken: false,
    });
    new kubernetes.KubeService(this, 'service', {
      metadata: { name, labels },
      spec: {
        selector,
        ports: [
          {
            name: 'grpc',
            port: ports.service,
            targetPort: kubernetes.IntOrString.fromString('grpc'),
            appProtocol: 'grpc',
          },
        ],
      },
    });
    new kubernetes.KubeDeployment(this, 'deployment', {
      metadata: { name, labels },
      spec: {
        replicas: 1,
        selector: { matchLabels: selector },
        strategy: {
          rollingUpdate: {
            maxUnavailable: kubernetes.IntOrString.fromNumber(0),
            maxSurge: kubernetes.IntOrString.fromNumber(1),
          },
        },
        template: {
          metadata: {
            labels: { ...labels, [marks.contract]: contract },
            annotations: { [marks.kit]: name },
          },
          spec: {
            serviceAccountName: name,
            automountServiceAccountToken: false,
            terminationGracePeriodSeconds: 30,
            initContainers: [
              {
                ...container,
                name: 'database',
                image: images['database-setup'] ?? '',
                args: ['wait'],
                env: connection,
              },
            ],
            containers: [
              {
                ...container,
                name,
                image: images[name] ?? '',
                env: [
                  { name: 'WEFT_SERVICE', value: logicalName },
                  { name: 'OTEL_SERVICE_NAME', value: logicalName },
                  ...connection,
                  ...(otlpEndpoint ? [{ name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: otlpEndpoint }] : []),
                ],
                ports: [{ name: 'grpc', containerPort: ports.application }],
                startupProbe: { grpc: { port: ports.application }, periodSeconds: 1, failureThreshold: 60 },
                readinessProbe: { grpc: { port: ports.application }, periodSeconds: 2 },
                livenessProbe: { grpc: { port: ports.application }, periodSeconds: 10, failureThreshold: 6 },
                resources: {
                  requests: { cpu: quantity('20m'), memory: quantity('96Mi') },
                  limits: { memory: quantity('256Mi') },
                },
              },
            ],
            volumes: [tmp.volume],
          },
        },
      },
    });
  }
}
