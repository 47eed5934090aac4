import type { Facts } from '@weft/compiler/facts/facts';
import type { Problem } from '@weft/compiler/model/problem';
import { refWords } from '@weft/compiler/model/resource-ref';
import type { KubernetesApi } from '../../kubernetes/api.ts';
import { type KubernetesObject, refOfKey } from '../../kubernetes/object.ts';
import { Reflector, type ReflectorTimes } from '../../kubernetes/reflector.ts';
import { ClusterFacts } from './cluster-facts.ts';
import { type ClusterObjects, forWatched } from './cluster-objects.ts';

export interface KubernetesOptions {
  readonly api: KubernetesApi;
  /** Called with facts once everything that is needed was listed, then after each change. */
  readonly onFacts: (facts: Facts) => void;
  /** Why there are no facts yet, while that is so; after each attempt that failed. */
  readonly onWaiting?: (problems: readonly string[]) => void;
  readonly times?: Partial<ReflectorTimes>;
}

/** A source that follows a cluster. */
export interface KubernetesSource {
  /** Resolves with the first facts. */
  readonly synced: Promise<void>;
  /** What was listed last. */
  objects(): ClusterObjects;
  /** A pod of the mesh by "namespace/name", gateways included. */
  pod(key: string): KubernetesObject | undefined;
  /** Calls back after each change of any object. Returns what ends it. */
  onChange(listener: () => void): () => void;
  close(): Promise<void>;
}

/**
 * Follows a cluster by lists and watches. Nothing is said before everything was listed once, so that nobody takes what has not
 * come yet for what is gone; from then on each change is said at once, changes that come together once.
 */
export function openKubernetes(options: KubernetesOptions): KubernetesSource {
  const { api, onFacts, onWaiting, times } = options;
  const cluster = new ClusterFacts();
  const listeners = new Set<() => void>();
  let last: Facts | undefined;
  let due = false;
  let closed = false;
  let sayReady: () => void = () => {};
  const synced = new Promise<void>((resolve) => {
    sayReady = resolve;
  });

  const reflectors = forWatched(
    (_, kind) => new Reflector({ api, ...kind, onChange: changed, ...(times ? { times } : {}) }),
  );
  const everyone = Object.values(reflectors);

  function changed(): void {
    if (due) return;
    due = true;
    setImmediate(() => {
      due = false;
      if (!closed) look();
    });
  }

  function look(): void {
    const away = everyone.flatMap(({ problem }) => problem ?? []);
    if (!everyone.every((reflector) => reflector.synced)) {
      if (away.length > 0) onWaiting?.(away);
      return;
    }
    const problems: Problem[] = away.map((message) => ({
      resource: 'the API server',
      message: `${message}; what is known goes on serving`,
    }));
    for (const { apiVersion, kind, unreadable } of everyone) {
      for (const [key, message] of unreadable) {
        const ref = refOfKey(apiVersion, kind, key);
        problems.push({ resource: refWords(ref), about: [ref], message: `cannot be read: ${message}` });
      }
    }
    const facts = cluster.facts(objects(), problems);
    for (const listener of listeners) listener();
    if (facts === last) return;
    last = facts;
    onFacts(facts);
    sayReady();
  }

  function objects(): ClusterObjects {
    return forWatched((name) => reflectors[name].objects);
  }

  for (const each of everyone) each.start();
  return {
    synced,
    objects,
    pod: (key) => reflectors.pods.objects.get(key) ?? reflectors.gatewayPods.objects.get(key),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      closed = true;
      await Promise.all(everyone.map((each) => each.close()));
    },
  };
}
