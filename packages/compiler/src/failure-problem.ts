import type { Failure } from '@weft/collections';
import { type FailureSources, failureSubject } from './failure-subject.ts';
import type { Problem } from './model/problem.ts';

/** A derivation that threw because of a bug of ours, as a problem of the resource that it was about. */
export function failureProblem({ collection, key, error }: Failure, sources: FailureSources): Problem {
  const message = error instanceof Error ? error.message : String(error);
  const { resource, about } = failureSubject(collection, key, sources);
  return {
    resource,
    ...(about.length > 0 ? { about } : {}),
    message: `a bug in Weft stops the computation of its ${collection}: ${message}; the last good result stays until the resource changes`,
  };
}
