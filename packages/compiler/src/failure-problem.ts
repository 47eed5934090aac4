import type { Failure } from '@weft/collections';
import type { Problem } from './model/problem.ts';

/** What a derivation that threw is about: its key names a Service, a workload, a contract or what several proxies share. */
export function failureProblem({ collection, key, error }: Failure): Problem {
  const message = error instanceof Error ? error.message : String(error);
  return {
    resource: subjectOf(key),
    field: collection,
    message: `could not be compiled: ${message}; what was there before goes on serving`,
    advice: 'the error is in the log of the control plane; it is tried again when the resource changes',
  };
}

/** Keys are ids, or JSON or lines that hold one. */
function subjectOf(key: string): string {
  const [first = key, second] = key.split('\n');
  return second === undefined ? first : `${second} of ${first}`;
}
