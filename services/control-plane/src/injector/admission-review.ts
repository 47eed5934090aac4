import { z } from 'zod';
import { inject } from './inject.ts';
import { jsonPatch } from './json-patch.ts';
import { type Labels, type Pod, podSchema } from './pod.ts';
import type { InjectorSettings, PodSecrets } from './settings.ts';

const reviewSchema = z.object({
  apiVersion: z.literal('admission.k8s.io/v1'),
  kind: z.literal('AdmissionReview'),
  request: z.object({
    uid: z.string().min(1),
    kind: z.object({ group: z.string().optional(), version: z.string(), kind: z.string() }),
    operation: z.string(),
    namespace: z.string().min(1),
    subResource: z.string().optional(),
    object: z.unknown(),
  }),
});

/** What the API server asks. */
export type AdmissionRequest = z.infer<typeof reviewSchema>['request'];

/** An AdmissionReview (admission.k8s.io/v1) with its answer. */
export interface AdmissionAnswer {
  readonly apiVersion: 'admission.k8s.io/v1';
  readonly kind: 'AdmissionReview';
  readonly response: {
    readonly uid: string;
    readonly allowed: boolean;
    readonly patchType?: 'JSONPatch';
    /** Base64 of a JSON Patch. */
    readonly patch?: string;
    readonly warnings?: readonly string[];
    readonly status?: { readonly code: number; readonly message: string };
  };
}

/** What was decided, for a log: never what the pod says. */
export interface Decision {
  readonly answer: AdmissionAnswer;
  readonly outcome: 'injected' | 'unchanged' | 'refused';
  readonly reason?: string;
}

/** Reads a request's body. Returns `error` for what is no review of ours, in words that repeat none of it. */
export function readReview(body: string): { readonly request: AdmissionRequest } | { readonly error: string } {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return { error: 'the body is not JSON' };
  }
  const review = reviewSchema.safeParse(json);
  return review.success
    ? { request: review.data.request }
    : { error: `not an AdmissionReview: ${issues(review.error)}` };
}

/** Decides on a pod that is about to be made. What is no new pod passes as it is. */
export function decide(
  request: AdmissionRequest,
  namespaceLabels: Labels,
  settings: InjectorSettings,
  secretsFor: (pod: Pod) => PodSecrets,
): Decision {
  const { uid, kind, operation, subResource = '' } = request;
  if (kind.kind !== 'Pod' || (kind.group ?? '') !== '' || operation !== 'CREATE' || subResource !== '') {
    return { answer: allow(uid), outcome: 'unchanged' };
  }
  const pod = podSchema.safeParse(request.object);
  // The API server checks a pod after us and would say more; but what we cannot read must not start without its sidecar.
  if (!pod.success) return refuse(uid, `the pod cannot be read: ${issues(pod.error)}`, 400);
  const result = inject(pod.data, namespaceLabels, settings, secretsFor(pod.data));
  if ('refused' in result) return refuse(uid, result.refused, 403);
  if (!result.changed) {
    if (result.reason === undefined) return { answer: allow(uid), outcome: 'unchanged' };
    return { answer: allow(uid, { warnings: [warning(result.reason)] }), outcome: 'unchanged', reason: result.reason };
  }
  const patch = Buffer.from(JSON.stringify(jsonPatch(pod.data, result.pod))).toString('base64');
  return { answer: allow(uid, { patchType: 'JSONPatch', patch }), outcome: 'injected' };
}

/** How a log calls a pod; its name may not be known yet. */
export function podName(request: AdmissionRequest): string {
  const pod = z.object({ metadata: podSchema.shape.metadata }).safeParse(request.object);
  const metadata: Pod['metadata'] = pod.success ? pod.data.metadata : undefined;
  return `${request.namespace}/${metadata?.name ?? `${metadata?.generateName ?? '?'}*`}`;
}

function allow(uid: string, more: Omit<AdmissionAnswer['response'], 'uid' | 'allowed'> = {}): AdmissionAnswer {
  return review({ uid, allowed: true, ...more });
}

function refuse(uid: string, reason: string, code: number): Decision {
  const answer = review({ uid, allowed: false, status: { code, message: `weft: ${reason}` } });
  return { answer, outcome: 'refused', reason };
}

function review(response: AdmissionAnswer['response']): AdmissionAnswer {
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response };
}

/** Clients cut warnings at 256 characters. */
function warning(reason: string): string {
  return `weft: ${reason}`.slice(0, 256);
}

/** Where and what was expected; zod repeats no value. */
function issues(error: z.ZodError): string {
  return error.issues
    .slice(0, 3)
    .map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`)
    .join('; ');
}
