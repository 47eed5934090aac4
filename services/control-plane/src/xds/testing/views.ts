import type {
  ChangedNames,
  Resource,
  Snapshot,
  TypeUrl,
  View,
  ViewChange,
  ViewSource,
} from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import { snapshotOf } from './resources.ts';

/** A view that shows what a test tells it to, and counts the lookups. */
export class TestView implements View {
  lookups = 0;
  #snapshot: Snapshot;

  constructor(snapshot: Snapshot = new Map()) {
    this.#snapshot = snapshot;
  }

  get(typeUrl: TypeUrl, name: string): Resource | undefined {
    this.lookups++;
    return this.#snapshot.get(typeUrl)?.get(name);
  }

  names(typeUrl: TypeUrl): Iterable<string> {
    return this.#snapshot.get(typeUrl)?.keys() ?? [];
  }

  /** Shows another snapshot from now on. Returns the names that differ. */
  show(snapshot: Snapshot): Exclude<ChangedNames, 'everything'> {
    const before = this.#snapshot;
    this.#snapshot = snapshot;
    const changed = new Map<TypeUrl, ReadonlySet<string>>();
    for (const typeUrl of new Set([...before.keys(), ...snapshot.keys()])) {
      const [old, now] = [before.get(typeUrl), snapshot.get(typeUrl)];
      const all = new Set([...(old?.keys() ?? []), ...(now?.keys() ?? [])]);
      const names = [...all].filter((name) => old?.get(name)?.version !== now?.get(name)?.version);
      if (names.length > 0) changed.set(typeUrl, new Set(names));
    }
    return changed;
  }
}

/** A source whose views are set by hand. */
export class TestViews implements ViewSource {
  /** Proxies that are connected. */
  readonly connected = new Set<WorkloadId>();
  readonly #views = new Map<WorkloadId, TestView>();
  readonly #listeners = new Set<(changes: readonly ViewChange[]) => void>();

  open(id: WorkloadId): void {
    if (this.connected.has(id)) throw new Error(`${id} is opened twice`);
    this.connected.add(id);
  }

  close(id: WorkloadId): void {
    if (!this.connected.delete(id)) throw new Error(`${id} is closed but was not open`);
  }

  view(id: WorkloadId): TestView | undefined {
    return this.#views.get(id);
  }

  onChange(listener: (changes: readonly ViewChange[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Replaces what one proxy should hold, and tells of it. */
  set(id: WorkloadId, resources: Iterable<Resource>): void {
    this.setAll([[id, snapshotOf(resources)]]);
  }

  /** Replaces what several proxies should hold in one turn, and tells of it. */
  setAll(snapshots: Iterable<readonly [WorkloadId, Snapshot]>): void {
    const changes: ViewChange[] = [];
    for (const [id, snapshot] of snapshots) {
      const view = this.#views.get(id);
      if (view === undefined) this.#views.set(id, new TestView(snapshot));
      const names = view?.show(snapshot) ?? 'everything';
      if (names === 'everything' || names.size > 0) changes.push({ proxies: [id], names });
    }
    this.tell(changes);
  }

  tell(changes: readonly ViewChange[]): void {
    for (const listener of this.#listeners) listener(changes);
  }

  get listeners(): number {
    return this.#listeners.size;
  }
}
