import type { Resource, Snapshot } from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { SnapshotChange, SnapshotSource } from '../delivery.ts';
import { snapshotOf } from './resources.ts';

/** A source whose snapshots are set by hand. */
export class TestSnapshots implements SnapshotSource {
  readonly #snapshots = new Map<WorkloadId, Snapshot>();
  readonly #listeners = new Set<(change: SnapshotChange) => void>();

  get(id: WorkloadId): Snapshot | undefined {
    return this.#snapshots.get(id);
  }

  onChange(listener: (change: SnapshotChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Replaces one proxy's snapshot and tells of it. */
  set(id: WorkloadId, resources: readonly Resource[], endpointsOnly = false): void {
    this.#snapshots.set(id, snapshotOf(resources, this.#snapshots.get(id)));
    for (const listener of this.#listeners) listener({ proxies: new Set([id]), endpointsOnly });
  }

  get listeners(): number {
    return this.#listeners.size;
  }
}
