import { type k8s, k8s as kubernetes } from 'cdk8s-plus-33';
import { Construct } from 'constructs';
import { stockImages } from './images.ts';
import { namespaces, notInjected, partOfShop, ports, selector } from './names.ts';
import { containerSecurity, podSecurity, scratch } from './pod-security.ts';
import { port, quantity } from './values.ts';

/** The user of the image: postgres. */
const postgresUser = 999;

/** Its Service, within its namespace. */
export const postgresHost = 'shop-postgres';

/** The Secret with the superuser's name and password; DatabaseSetup makes it. */
export const adminSecret = 'shop-postgres-admin';

/** A PostgreSQL to look at Weft with: one replica, and its data goes with its pod. */
export class EvaluationPostgres extends Construct {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    const labels = selector(postgresHost);
    const metadata = { name: postgresHost, labels: { ...labels, ...partOfShop } };
    const [data, run, tmp] = [
      scratch('data', '/var/lib/postgresql'),
      scratch('run', '/var/run/postgresql'),
      scratch('tmp', '/tmp'),
    ];
    new kubernetes.KubeService(this, 'service', {
      metadata,
      spec: {
        clusterIp: 'None',
        selector: labels,
        ports: [{ name: 'postgres', port: ports.postgres, appProtocol: 'tcp' }],
      },
    });
    const ready: k8s.Probe = {
      // By TCP: while the server is set up it listens on its socket only.
      exec: { command: ['pg_isready', '--host=127.0.0.1', '--username=postgres'] },
      periodSeconds: 2,
    };
    new kubernetes.KubeServiceAccount(this, 'account', { metadata, automountServiceAccountToken: false });
    new kubernetes.KubeStatefulSet(this, 'server', {
      metadata,
      spec: {
        serviceName: postgresHost,
        replicas: 1,
        selector: { matchLabels: labels },
        template: {
          // Each service proves by its password who it is, and sees its own schema only.
          metadata: { labels: { ...labels, ...notInjected } },
          spec: {
            serviceAccountName: postgresHost,
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            terminationGracePeriodSeconds: 60,
            securityContext: {
              ...podSecurity,
              runAsUser: postgresUser,
              runAsGroup: postgresUser,
              fsGroup: postgresUser,
            },
            containers: [
              {
                name: 'postgres',
                image: stockImages.postgres,
                imagePullPolicy: 'IfNotPresent',
                args: ['postgres', '-c', 'max_connections=300', '-c', 'password_encryption=scram-sha-256'],
                env: [
                  { name: 'POSTGRES_PASSWORD', valueFrom: { secretKeyRef: { name: adminSecret, key: 'password' } } },
                  { name: 'POSTGRES_INITDB_ARGS', value: '--auth-host=scram-sha-256 --data-checksums' },
                ],
                ports: [{ name: 'postgres', containerPort: ports.postgres }],
                readinessProbe: ready,
                resources: { requests: { cpu: quantity('50m'), memory: quantity('128Mi') } },
                securityContext: containerSecurity,
                volumeMounts: [data.mount, run.mount, tmp.mount],
              },
            ],
            volumes: [data.volume, run.volume, tmp.volume],
          },
        },
      },
    });
    new kubernetes.KubeNetworkPolicy(this, 'network-policy', {
      metadata,
      spec: {
        podSelector: { matchLabels: labels },
        policyTypes: ['Ingress'],
        ingress: [
          {
            ports: [{ port: port(ports.postgres) }],
            from: [{ podSelector: { matchLabels: { 'app.kubernetes.io/instance': namespaces.shop, ...partOfShop } } }],
          },
        ],
      },
    });
  }
}
