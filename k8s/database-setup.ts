import { createHash } from 'node:crypto';
import { type k8s, k8s as kubernetes } from 'cdk8s-plus-33';
import { Construct } from 'constructs';
import type { Images } from './images.ts';
import { notInjected, partOfShop, ports, selector, shopServices } from './names.ts';
import { containerSecurity, podSecurity } from './pod-security.ts';
import { adminSecret, postgresHost } from './postgres.ts';

/** The one database; each service has a schema in it. */
export const database = 'shop';

/** The Secret that holds a service's name and password. */
export const databaseSecret = (service: string): string => `${service}-database`;

/** Where the root that the API server is trusted by lies in a pod. */
const apiRoot = '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt';

/** What packages/database-setup reads. */
const setup = {
  database,
  adminSecret: { name: adminSecret, username: 'postgres' },
  roles: shopServices.map(({ name }) => ({ role: name, schema: name, secret: databaseSecret(name) })),
};

/**
 * Makes a role and a schema for each service, and the Secrets with what each connects by, where there are none yet. No password is in a
 * manifest. A service's role owns its schema and has no other right.
 */
export class DatabaseSetup extends Construct {
  constructor(scope: Construct, id: string, options: { readonly images: Images }) {
    super(scope, id);
    const image = options.images['database-setup'] ?? '';
    const account = 'database-setup';
    new kubernetes.KubeServiceAccount(this, 'account', { metadata: { name: account } });
    new kubernetes.KubeRole(this, 'role', {
      metadata: { name: account },
      rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['create'] }],
    });
    new kubernetes.KubeRoleBinding(this, 'binding', {
      metadata: { name: account },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: account },
      subjects: [{ kind: 'ServiceAccount', name: account }],
    });
    const passwords = { name: 'passwords', mountPath: '/passwords', readOnly: true };
    this.#job('credentials', {
      serviceAccountName: account,
      restartPolicy: 'OnFailure',
      containers: [
        {
          name: 'credentials',
          image,
          imagePullPolicy: 'IfNotPresent',
          args: ['credentials', JSON.stringify(setup)],
          env: [{ name: 'NODE_EXTRA_CA_CERTS', value: apiRoot }],
          securityContext: containerSecurity,
        },
      ],
    });
    this.#job('provision', {
      automountServiceAccountToken: false,
      restartPolicy: 'OnFailure',
      containers: [
        {
          name: 'provision',
          image,
          imagePullPolicy: 'IfNotPresent',
          args: ['provision', JSON.stringify(setup), '/passwords'],
          env: connectionOf(adminSecret),
          securityContext: containerSecurity,
          volumeMounts: [passwords],
        },
      ],
      volumes: [
        {
          name: 'passwords',
          projected: {
            // The kubelet waits for Secrets that are not there yet.
            sources: setup.roles.map(({ secret }) => ({
              secret: {
                name: secret,
                items: ['username', 'password'].map((key) => ({ key, path: `${secret}/${key}` })),
              },
            })),
          },
        },
      ],
    });
  }

  /** What runs in a Job cannot be changed: another pod is another Job. */
  #job(name: string, spec: k8s.PodSpec): void {
    const version = createHash('sha256')
      .update(JSON.stringify([spec, setup]))
      .digest('hex')
      .slice(0, 10);
    new kubernetes.KubeJob(this, name, {
      metadata: { name: `database-${name}-${version}` },
      spec: {
        backoffLimit: 20,
        template: {
          metadata: { labels: { ...selector('database-setup'), ...partOfShop, ...notInjected } },
          spec: { ...spec, securityContext: podSecurity },
        },
      },
    });
  }
}

/** Libpq's variables of a service or the administrator. */
export function connectionOf(secret: string): k8s.EnvVar[] {
  return [
    { name: 'PGHOST', value: postgresHost },
    { name: 'PGPORT', value: String(ports.postgres) },
    { name: 'PGDATABASE', value: database },
    { name: 'PGSSLMODE', value: 'disable' },
    ...credentialsFrom(secret),
  ];
}

/** PGUSER and PGPASSWORD by a Secret of type basic-auth. */
function credentialsFrom(secret: string): k8s.EnvVar[] {
  return [
    { name: 'PGUSER', valueFrom: { secretKeyRef: { name: secret, key: 'username' } } },
    { name: 'PGPASSWORD', valueFrom: { secretKeyRef: { name: secret, key: 'password' } } },
  ];
}
