import type { MethodSpec, RetrySpec, ServiceSpec } from './policy-spec.ts';

// What a policy means, said once more and without the compiler: for a call, how it ends and how often the application sees it.

/** How an application treats every call. */
export type Conduct = 'ok' | 'unavailable' | 'internal' | 'exhausted' | 'aborted' | 'reset' | 'plain503' | 'hang';

/** By which way a call comes: from a service by its sidecar, from outside as gRPC or REST, or straight to the callee's sidecar. */
export type Way = 'driver' | 'edge' | 'rest' | 'other' | 'stranger';

export interface Outcome {
  /** gRPC status; of REST the HTTP status; "http 503" for an answer that is not gRPC. */
  readonly status: string;
  /** How often the application sees the call. */
  readonly seen: number;
}

const statusOf: Readonly<Record<Exclude<Conduct, 'plain503'>, string>> = {
  ok: '0',
  unavailable: '14',
  internal: '13',
  exhausted: '8',
  aborted: '10',
  reset: '14',
  hang: '4',
};
const httpStatus: Readonly<Record<string, string>> = {
  '0': '200',
  '14': '503',
  '13': '500',
  '8': '429',
  '10': '409',
  '4': '504',
};
const codeOf: Partial<Record<Conduct, RetrySpec['codes'][number]>> = {
  unavailable: 'UNAVAILABLE',
  plain503: 'UNAVAILABLE',
  // As far as the callee's sidecar can tell.
  reset: 'UNAVAILABLE',
  internal: 'INTERNAL',
  exhausted: 'RESOURCE_EXHAUSTED',
};

/** Who may call a method. */
export function admits(service: ServiceSpec, method: MethodSpec, caller: string): boolean {
  if (caller === 'edge') return method.exposed ?? service.exposed ?? false;
  const named = method.callers ?? service.callers;
  return named.includes(caller) || service.policy?.addCallers.includes(caller) === true;
}

/** How the call ends. */
export function interpret(service: ServiceSpec, method: MethodSpec, way: Way, conduct: Conduct): Outcome {
  const outside = way === 'edge' || way === 'rest';
  const caller = outside ? 'edge' : `bakery.${way}`;
  if (!admits(service, method, caller)) {
    const status = way === 'rest' ? '404' : way === 'edge' ? '12' : '7';
    return { status, seen: 0 };
  }
  const tries = way === 'other' || way === 'stranger' ? 1 : 1 + retries(service, method, conduct);
  if (conduct === 'plain503') return { status: way === 'rest' ? '503' : 'http 503', seen: tries };
  const status = statusOf[conduct];
  return { status: way === 'rest' ? (httpStatus[status] ?? '') : status, seen: tries };
}

function retries(service: ServiceSpec, method: MethodSpec, conduct: Conduct): number {
  const repeatable = method.level !== 'none' || method.keyed;
  const single = method.kind === 'unary' || method.kind === 'server';
  if (!repeatable || !single) return 0;
  // A MeshPolicy's word for all methods comes last; its codes are UNAVAILABLE alone.
  const said: RetrySpec | undefined =
    service.policy?.maxRetries === undefined
      ? (method.retry ?? service.retry)
      : { codes: [], maxRetries: service.policy.maxRetries };
  if (said === undefined) return 0;
  if (service.budget?.minConcurrent === 0) return 0;
  const codes = said.codes.length > 0 ? said.codes : (['UNAVAILABLE'] as const);
  const code = codeOf[conduct];
  if (code === undefined || !codes.includes(code)) return 0;
  const most = said.maxRetries ?? 2;
  return method.hedge ? Math.min(most, (method.hedge.maxTries ?? 2) - 1) : most;
}

/** The calls in each period that a method takes from a caller who comes straight to it; undefined: any number. */
export function limitOf(method: MethodSpec, caller: string): number | undefined {
  const own =
    method.limits.find((limit) => limit.caller === caller) ?? method.limits.find(({ caller }) => caller === '*');
  return own?.requests;
}

/** The longest that a unary call may take. */
export function deadlineMs(method: MethodSpec): number {
  return method.deadlineMs ?? 15_000;
}
