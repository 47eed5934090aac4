import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { type ApiAccess, type ApiCredentials, ApiError } from './api.ts';

/** Where Kubernetes mounts the account of a pod. */
export const accountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The kubelet replaces a token when a fifth of its time is left, which is two minutes at least. */
const rereadMs = 10_000;

interface PodAccountOptions {
  /** $KUBERNETES_SERVICE_HOST: a name, an IPv4 or an IPv6 address. */
  readonly host: string;
  /** $KUBERNETES_SERVICE_PORT. Default: 443. */
  readonly port?: string | undefined;
  readonly directory?: string | undefined;
  /** Milliseconds that only grow. */
  readonly now?: () => number;
}

/**
 * The API server as a pod reaches it: with the account that Kubernetes mounts. Its files are replaced while the pod runs, so they
 * are read anew with the first request after a while, and when the API server refuses the token.
 */
export function podAccount(options: PodAccountOptions): ApiAccess {
  const { host, port = '443', directory = accountDirectory, now = () => performance.now() } = options;
  const server = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  if (!URL.canParse(server)) {
    throw new ApiError(0, `KUBERNETES_SERVICE_HOST ${host} and KUBERNETES_SERVICE_PORT ${port} are no address`);
  }
  let latest: { readonly read: Promise<PodCredentials>; readonly untilMs: number } | undefined;

  /** Requests of the same moment share what is read. What could not be read is read again by the next one. */
  function credentials(): Promise<PodCredentials> {
    if (latest && now() < latest.untilMs) return latest.read;
    const reading = { read: readAccount(directory), untilMs: now() + rereadMs };
    latest = reading;
    reading.read.catch(() => {
      if (latest === reading) latest = undefined;
    });
    return reading.read;
  }

  return {
    server,
    credentials,
    async renew(refused) {
      const isOther = ({ headers }: PodCredentials) => headers.authorization !== Object(refused.headers).authorization;
      const known = latest;
      // Another request may have been refused before, and have read the next ones.
      if (known && isOther(await known.read)) return true;
      if (latest === known) latest = undefined;
      return isOther(await credentials());
    },
  };
}

interface PodCredentials extends ApiCredentials {
  readonly headers: { readonly authorization: string };
}

async function readAccount(directory: string): Promise<PodCredentials> {
  const [token, ca] = await Promise.all([readPart(directory, 'token'), readPart(directory, 'ca.crt')]);
  return { ca, headers: { authorization: `Bearer ${token}` } };
}

async function readPart(directory: string, name: string): Promise<string> {
  const path = join(directory, name);
  const advice = 'Kubernetes mounts it where the pod has automountServiceAccountToken: true';
  const content = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new ApiError(0, `cannot read ${path} (${codeOf(error)}): ${advice}`);
  });
  const text = content.trim();
  if (text === '') throw new ApiError(0, `${path} is empty: ${advice}`);
  return text;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
