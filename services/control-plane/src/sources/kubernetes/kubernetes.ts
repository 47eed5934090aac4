import type { Collection, Graph, Source, Turn } from '@weft/collections';
import type { FactCollections } from '@weft/compiler/facts/fact-collections';
import type { Problem } from '@weft/compiler/model/problem';
import { refWords } from '@weft/compiler/model/resource-ref';
import type { KubernetesApi } from '../../kubernetes/api.ts';
import { type ClusterObjects, forWatched, watched } from '../../kubernetes/cluster-objects.ts';
import { type KubernetesObject, refOfKey } from '../../kubernetes/object.ts';
import { Reflector, type ReflectorTimes } from '../../kubernetes/reflector.ts';
import type { RunTurn } from '../run-turn.ts';
import { clusterFacts, type ObjectCollections } from './cluster-facts.ts';
import { keepParts } from './kept-parts.ts';

export interface KubernetesOptions {
  readonly api: KubernetesApi;
  readonly times?: Partial<ReflectorTimes>;
}

/** A source that follows a cluster. */
export interface KubernetesSource {
  /** What the cluster says. */
  readonly facts: FactCollections;
  /** The objects that are watched, by kind. */
  readonly collections: ObjectCollections;
  /** The same as maps. */
  readonly objects: ClusterObjects;
  /** Pods of the mesh, gateways included. */
  readonly pods: Collection<KubernetesObject>;
  /** Namespaces of the mesh. */
  readonly namespaces: Collection<true>;
  /**
   * Begins to follow. Resolves after the first turn; from then on objects that change together are one turn each. `onWaiting` hears
   * why there are no facts yet, while that is so; after each attempt that failed.
   */
  open(turn: RunTurn, onWaiting?: (problems: readonly string[]) => void): Promise<void>;
  /** Calls back after each turn of this source. */
  onTurn(listener: (turn: Turn) => void): void;
  close(): Promise<void>;
}

/**
 * Follows a cluster by lists and watches. Nothing is said before everything was listed once, so that nobody takes what has not
 * come yet for what is gone; from then on each change is said at once, changes that come together once.
 */
export function kubernetesSource(graph: Graph, options: KubernetesOptions): KubernetesSource {
  const { api, times } = options;
  const sources = forWatched((name) => graph.source<KubernetesObject>(name, { same: Object.is }));
  const problems = graph.source<readonly Problem[]>('problems of the API server');
  const { facts, pods, namespaces } = clusterFacts(graph, sources, problems);

  const changed = forWatched(() => new Set<string>());
  const reflectors = forWatched(
    (name) =>
      new Reflector({
        api,
        ...watched[name],
        trim: (object) => keepParts(name, object),
        onChange: (keys) => {
          for (const key of keys) changed[name].add(key);
          look();
        },
        ...(times ? { times } : {}),
      }),
  );
  const everyone = Object.values(reflectors);
  const listeners: ((turn: Turn) => void)[] = [];
  const synced = Promise.withResolvers<void>();
  let run: RunTurn | undefined;
  let waiting: ((problems: readonly string[]) => void) | undefined;
  let due = false;
  let closed = false;

  /** Objects that arrive together are taken together. */
  function look(): void {
    if (due) return;
    due = true;
    setImmediate(() => {
      due = false;
      if (!closed) take();
    });
  }

  function take(): void {
    if (!everyone.every((reflector) => reflector.synced)) {
      const away = everyone.flatMap(({ problem }) => problem ?? []);
      if (away.length > 0) waiting?.(away);
      return;
    }
    const turn = run?.(() => {
      forWatched((name) => {
        tell(sources[name], reflectors[name], changed[name]);
        const found = problemsOf(reflectors[name]);
        if (found.length > 0) problems.set(`the API server, ${name}`, found);
        else problems.delete(`the API server, ${name}`);
      });
    });
    if (turn) for (const listener of listeners) listener(turn);
    synced.resolve();
  }

  return {
    facts,
    collections: sources,
    objects: forWatched((name) => sources[name].entries),
    pods,
    namespaces,
    async open(turn, onWaiting) {
      run = turn;
      waiting = onWaiting;
      for (const reflector of everyone) reflector.start();
      await synced.promise;
    },
    onTurn: (listener) => void listeners.push(listener),
    async close() {
      closed = true;
      await Promise.all(everyone.map((reflector) => reflector.close()));
    },
  };
}

function tell(source: Source<KubernetesObject>, { objects }: Reflector, changed: Set<string>): void {
  for (const key of changed) {
    const object = objects.get(key);
    if (object === undefined) source.delete(key);
    else source.set(key, object);
  }
  changed.clear();
}

function problemsOf({ apiVersion, kind, problem, unreadable }: Reflector): readonly Problem[] {
  const away =
    problem === undefined ? [] : [{ resource: 'the API server', message: `${problem}; what is known goes on serving` }];
  const wrong = [...unreadable].map(([key, message]): Problem => {
    const ref = refOfKey(apiVersion, kind, key);
    return { resource: refWords(ref), about: [ref], message: `cannot be read: ${message}` };
  });
  return [...away, ...wrong];
}
