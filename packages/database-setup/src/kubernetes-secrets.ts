import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** Where a pod finds its service account; see https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/. */
const account = '/var/run/secrets/kubernetes.io/serviceaccount';

/** How to reach the API server. */
export interface KubernetesApi {
  readonly url: string;
  readonly token: string;
  readonly namespace: string;
}

/** That of the pod this runs in. Node trusts the API server by NODE_EXTRA_CA_CERTS. */
export async function apiOfThisPod(env: NodeJS.ProcessEnv = process.env): Promise<KubernetesApi> {
  const [token, namespace] = await Promise.all(
    ['token', 'namespace'].map((name) => readFile(`${account}/${name}`, 'utf8')),
  );
  const host = env.KUBERNETES_SERVICE_HOST ?? 'kubernetes.default.svc';
  return {
    url: `https://${host.includes(':') ? `[${host}]` : host}:${env.KUBERNETES_SERVICE_PORT ?? 443}`,
    token: token?.trim() ?? '',
    namespace: namespace?.trim() ?? '',
  };
}

/**
 * Makes a Secret with a name and a strong password unless there is one: an installation keeps its passwords over upgrades, and a Secret
 * made by somebody else stays as it is. It needs no right to read Secrets. Returns whether it was made.
 */
export async function keepCredentials(
  api: KubernetesApi,
  secret: string,
  username: string,
  labels: Readonly<Record<string, string>>,
): Promise<boolean> {
  const response = await fetch(`${api.url}/api/v1/namespaces/${api.namespace}/secrets`, {
    method: 'POST',
    headers: { authorization: `Bearer ${api.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: secret, labels },
      type: 'kubernetes.io/basic-auth',
      stringData: { username, password: randomBytes(24).toString('base64url') },
    }),
    signal: AbortSignal.timeout(15_000),
  });
  if (response.status === 409) return false;
  if (response.ok) return true;
  throw new Error(`the Secret ${secret} cannot be made: ${response.status} ${(await response.text()).slice(0, 500)}`);
}
