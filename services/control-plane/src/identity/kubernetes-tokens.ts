import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http2';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import { tokenAudience } from '@weft/compiler/pod/names';
import { z } from 'zod';
import type { KubernetesApi } from '../kubernetes/api.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import type { Authentication } from '../xds/transport.ts';
import { bearerToken, type Proof } from './proof.ts';

export interface KubernetesTokensOptions {
  readonly api: KubernetesApi;
  /** A pod of the mesh, by "namespace/name". */
  readonly pod: (id: WorkloadId) => KubernetesObject | undefined;
  /** Told when what a stream began with is no longer valid. */
  readonly onRevoked?: (workload: WorkloadId) => void;
  /** Default: "weft". */
  readonly audience?: string;
  /** TokenReviews a second, and how many may come at once. Default: 50 and 200. */
  readonly rate?: { readonly perSecond: number; readonly burst: number };
  /** Default: Date.now. */
  readonly now?: () => number;
}

/** The API server cannot be asked now; the proxy comes back. */
export class ReviewUnavailable extends Error {
  override readonly name = 'ReviewUnavailable';
}

const podName = 'authentication.kubernetes.io/pod-name';
const podUid = 'authentication.kubernetes.io/pod-uid';
const extra = z.array(z.string()).optional();

const reviewSchema = z.looseObject({
  status: z.looseObject({
    authenticated: z.boolean().optional(),
    audiences: z.array(z.string()).nullish(),
    error: z.string().optional(),
    user: z
      .looseObject({
        username: z.string().optional(),
        extra: z.looseObject({ [podName]: extra, [podUid]: extra }).nullish(),
      })
      .optional(),
  }),
});

/** The parts of a JSON Web Token (RFC 7519) that say for whom and how long it is. Nobody has checked them. */
const claimsSchema = z.looseObject({ aud: z.union([z.string(), z.array(z.string())]).optional(), exp: z.number() });

interface Known {
  readonly workload: WorkloadId;
  readonly uid: string;
  readonly endsMs: number;
}

/** Refusals are remembered for so long: who repeats them does not cost the API server anything. */
const refusalMs = 10_000;
const maxKnown = 20_000;

/**
 * Knows proxies by the projected token of their pod: the API server says whose it is (TokenReview), and the pod that it names must be
 * the one that is in the mesh under that name now, by its uid. The answer is kept, by the token's hash, until the token ends or
 * the pod is gone.
 *
 * A token for another audience, an ended one, and one of a pod that is gone are refused; the API server is asked only about what
 * could be right, at a bounded rate.
 */
export class KubernetesTokens implements Proof {
  readonly #options: KubernetesTokensOptions;
  readonly #now: () => number;
  readonly #audience: string;
  /** By the token's hash. */
  readonly #known = new Map<string, Known>();
  /** The hashes of what is known, by workload. */
  readonly #hashes = new Map<string, Set<string>>();
  readonly #refused = new Map<string, { message: string; untilMs: number }>();
  readonly #asking = new Map<string, Promise<Authentication>>();
  #allowance: number;
  #allowanceMs: number;

  constructor(options: KubernetesTokensOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#audience = options.audience ?? tokenAudience;
    this.#allowance = options.rate?.burst ?? 200;
    this.#allowanceMs = this.#now();
  }

  async authenticate(headers: IncomingHttpHeaders): Promise<Authentication> {
    const token = bearerToken(headers);
    if (token === undefined) return refusal('the call has no bearer token');
    const hash = createHash('sha256').update(token).digest('base64');
    const nowMs = this.#now();
    const known = this.#known.get(hash);
    if (known !== undefined) {
      if (nowMs >= known.endsMs) this.#forget(hash);
      else if (this.#isCurrent(known)) return { ok: true, workload: known.workload };
      else {
        this.#forget(hash);
        return refusal(`the token is that of a pod ${known.workload} that is gone`);
      }
    }
    const refused = this.#refused.get(hash);
    if (refused !== undefined && nowMs < refused.untilMs) return refusal(refused.message);
    const asking = this.#asking.get(hash) ?? this.#ask(token, hash).finally(() => this.#asking.delete(hash));
    this.#asking.set(hash, asking);
    return asking;
  }

  /** Looks at pods that have changed: what was proved by a pod that is gone is forgotten, and its stream told. */
  podsChanged(ids: Iterable<string>): void {
    for (const id of ids) {
      for (const hash of this.#hashes.get(id) ?? []) {
        const known = this.#known.get(hash);
        if (known === undefined || this.#isCurrent(known)) continue;
        this.#forget(hash);
        this.#options.onRevoked?.(known.workload);
      }
    }
  }

  #isCurrent({ workload, uid }: Known): boolean {
    return this.#options.pod(workload)?.metadata.uid === uid;
  }

  async #ask(token: string, hash: string): Promise<Authentication> {
    const claims = claimsOf(token);
    const audiences = claims?.aud === undefined ? [] : [claims.aud].flat();
    if (claims === undefined) return this.#refuse(hash, 'the token is none of a service account');
    if (!audiences.includes(this.#audience)) {
      return this.#refuse(
        hash,
        `the token is for the audience ${JSON.stringify(audiences.join(', '))}, not ${JSON.stringify(this.#audience)}`,
      );
    }
    if (claims.exp * 1000 <= this.#now()) {
      return this.#refuse(hash, `the token ended at ${new Date(claims.exp * 1000).toISOString()}`);
    }
    if (!this.#mayAsk()) throw new ReviewUnavailable('too many new tokens at once; try again');
    const body = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token, audiences: [this.#audience] },
    };
    const path = '/apis/authentication.k8s.io/v1/tokenreviews';
    const answer = reviewSchema.safeParse(await this.#options.api.call({ method: 'POST', path, body, idleMs: 5000 }));
    if (!answer.success) throw new ReviewUnavailable('the API server gave no TokenReview');
    const { authenticated, audiences: granted, user, error } = answer.data.status;
    // An API server that knows nothing of audiences would take any token.
    if (authenticated !== true || !granted?.includes(this.#audience)) {
      return this.#refuse(hash, `the API server does not know the token${error ? `: ${error}` : ''}`);
    }
    const [, namespace] = /^system:serviceaccount:([^:]+):[^:]+$/.exec(user?.username ?? '') ?? [];
    const name = user?.extra?.[podName]?.[0];
    const uid = user?.extra?.[podUid]?.[0];
    if (namespace === undefined || name === undefined || uid === undefined) {
      return this.#refuse(hash, `the token of ${user?.username} is bound to no pod`);
    }
    const workload: WorkloadId = `${namespace}/${name}`;
    const pod = this.#options.pod(workload);
    // The pod may be so new that it has not been heard of.
    if (pod === undefined) throw new ReviewUnavailable(`the pod ${workload} is not in the mesh, or not known yet`);
    if (pod.metadata.uid !== uid) return this.#refuse(hash, `the token is that of a pod ${workload} that is gone`);
    this.#remember(hash, { workload, uid, endsMs: claims.exp * 1000 });
    return { ok: true, workload };
  }

  #remember(hash: string, known: Known): void {
    if (this.#known.size >= maxKnown) {
      const nowMs = this.#now();
      for (const [old, { endsMs }] of this.#known) if (endsMs <= nowMs) this.#forget(old);
    }
    // Still as many: the oldest goes, and is asked for again.
    const [oldest] = this.#known.keys();
    if (this.#known.size >= maxKnown && oldest !== undefined) this.#forget(oldest);
    this.#known.set(hash, known);
    const hashes = this.#hashes.get(known.workload) ?? new Set();
    this.#hashes.set(known.workload, hashes.add(hash));
  }

  #forget(hash: string): void {
    const workload = this.#known.get(hash)?.workload ?? '';
    this.#known.delete(hash);
    const hashes = this.#hashes.get(workload);
    hashes?.delete(hash);
    if (hashes?.size === 0) this.#hashes.delete(workload);
  }

  #refuse(hash: string, message: string): Authentication {
    if (this.#refused.size >= maxKnown) this.#refused.clear();
    this.#refused.set(hash, { message, untilMs: this.#now() + refusalMs });
    return refusal(message);
  }

  #mayAsk(): boolean {
    const { perSecond, burst } = this.#options.rate ?? { perSecond: 50, burst: 200 };
    const nowMs = this.#now();
    this.#allowance = Math.min(burst, this.#allowance + ((nowMs - this.#allowanceMs) / 1000) * perSecond);
    this.#allowanceMs = nowMs;
    if (this.#allowance < 1) return false;
    this.#allowance -= 1;
    return true;
  }
}

function refusal(message: string): Authentication {
  return { ok: false, message };
}

function claimsOf(token: string): z.output<typeof claimsSchema> | undefined {
  try {
    const [, payload = ''] = token.split('.');
    return claimsSchema.safeParse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))).data;
  } catch {
    return undefined;
  }
}
