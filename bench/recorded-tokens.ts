import { randomUUID } from 'node:crypto';
import type { ApiMetadata } from './recorded-collection.ts';

/** Makes the bound tokens of pods, and reviews them: TokenRequest and TokenReview (authentication.k8s.io/v1). */
export class RecordedTokens {
  readonly #pods = new Map<string, { readonly pod: ApiMetadata; readonly account: string }>();

  /** A token of a pod's account. Nobody checks its signature: a review knows the whole token. */
  issue(pod: ApiMetadata, account: string, audiences: readonly string[], seconds: number): object {
    const exp = Math.floor(Date.now() / 1000) + seconds;
    const claims = {
      aud: audiences,
      exp,
      iat: exp - seconds,
      iss: 'https://kubernetes.default.svc',
      jti: randomUUID(),
      'kubernetes.io': {
        namespace: pod.namespace,
        pod: { name: pod.name, uid: pod.uid },
        serviceaccount: { name: account },
      },
      sub: `system:serviceaccount:${pod.namespace}:${account}`,
    };
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const token = `${part({ alg: 'RS256', kid: 'recorded' })}.${part(claims)}.${'A'.repeat(342)}`;
    this.#pods.set(token, { pod, account });
    return { token, expirationTimestamp: new Date(exp * 1000).toISOString() };
  }

  /** The status of a TokenReview. */
  review(token: string, audiences: readonly string[]): object {
    const known = this.#pods.get(token);
    if (known === undefined) return { authenticated: false, error: 'invalid bearer token' };
    const { pod, account } = known;
    const groups = ['system:serviceaccounts', `system:serviceaccounts:${pod.namespace}`, 'system:authenticated'];
    const extra = {
      'authentication.kubernetes.io/pod-name': [pod.name],
      'authentication.kubernetes.io/pod-uid': [pod.uid],
    };
    const username = `system:serviceaccount:${pod.namespace}:${account}`;
    return { authenticated: true, user: { username, uid: randomUUID(), groups, extra }, audiences };
  }
}
