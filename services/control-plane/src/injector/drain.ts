import type { Container } from './pod.ts';

/** What Kubernetes takes when a pod does not say. */
const defaultGracePeriodSeconds = 30;

/** How long calls still come after a pod has begun to end: until every caller knows. The kit serves as long by itself. */
const lingerSeconds = 5;

/** The time that a pod has to end. */
export function gracePeriodSeconds(terminationGracePeriodSeconds: number | undefined): number {
  return terminationGracePeriodSeconds ?? defaultGracePeriodSeconds;
}

/** Has a container that knows nothing of draining serve on for 5 s, or half of the grace period; one with a preStop has its reasons. */
export function lingering(container: Container, graceSeconds: number): Container {
  const seconds = Math.min(lingerSeconds, Math.floor(graceSeconds / 2));
  if (container.lifecycle?.preStop || seconds < 1) return container;
  return { ...container, lifecycle: { ...container.lifecycle, preStop: { sleep: { seconds } } } };
}
