import { objectRef } from '../kinds/registry.ts';
import type { Problem } from '../model/problem.ts';
import { refKey } from '../model/resource-ref.ts';
import type { Manifest } from './manifest.ts';

const goesOnServing = 'its last good version stays in use';

/**
 * The manifest that counts, when a file was `previous` and now reads as `next`: what is good now, and the last good form of
 * each document that is wrong now. Where nobody can say which document it was, every document that has vanished stays.
 */
export function keepLastGood(previous: Manifest | undefined, next: Manifest): Manifest {
  if (previous === undefined || (next.broken.length === 0 && !next.unreadable)) return next;
  const present = new Set(next.objects.map((object) => refKey(objectRef(object))));
  const broken = new Set(next.broken);
  const kept = previous.objects.filter((object) => {
    const key = refKey(objectRef(object));
    return !present.has(key) && (broken.has(key) || next.unreadable);
  });
  if (kept.length === 0) return next;
  // A file without content is most likely just being written.
  const empty = {
    resource: next.path,
    message: 'is empty',
    advice: 'remove the file if its objects should be removed',
  };
  const problems = next.problems.length === 0 ? [empty] : next.problems;
  return { ...next, objects: [...next.objects, ...kept], problems: problems.map(stillServing) };
}

/** Says in a problem that nothing was lost by it. */
export function stillServing(problem: Problem): Problem {
  return { ...problem, message: `${problem.message}; ${goesOnServing}` };
}
