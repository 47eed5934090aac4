import type { Mesh, WorkloadId } from '../model/mesh.ts';
import { type Resource, type Snapshot, typeUrls } from '../xds/resource.ts';
import { affectedWorkloads } from './affected.ts';
import { snapshotFor } from './snapshot.ts';

/** What a new mesh changes. */
export interface MeshChange {
  /** Proxies that have something else to hold than before, those that are new included. */
  readonly changed: ReadonlySet<WorkloadId>;
  /** Of all who were there before and still are, nobody has anything else than endpoints to learn: such a change never waits. */
  readonly endpointsOnly: boolean;
}

/** The Envoy back end with a memory of one mesh, so that each new one costs only what it changes. */
export interface Compiler {
  /** Takes a new mesh and says whom it concerns. */
  update(mesh: Mesh): MeshChange;
  /** What a proxy should hold now; undefined before the first mesh and for an unknown workload. */
  snapshot(id: WorkloadId): Snapshot | undefined;
}

export function createCompiler(): Compiler {
  let mesh: Mesh | undefined;
  const snapshots = new Map<WorkloadId, Snapshot>();
  return {
    update(next) {
      const affected = affectedWorkloads(mesh, next);
      const changed = new Set<WorkloadId>();
      let endpointsOnly = mesh !== undefined;
      mesh = next;
      for (const id of affected) {
        const before = snapshots.get(id);
        const fresh = snapshotFor(next, id);
        if (fresh === undefined) {
          snapshots.delete(id);
          if (before) changed.add(id);
          continue;
        }
        const merged = keepUnchanged(before, fresh);
        if (merged === before) continue;
        changed.add(id);
        snapshots.set(id, merged);
        // What a new replica gets for itself must not hold up what its callers are waiting for.
        endpointsOnly &&=
          before === undefined ||
          [...merged].every(
            ([typeUrl, resources]) => typeUrl === typeUrls.endpoints || resources === before.get(typeUrl),
          );
      }
      return { changed, endpointsOnly: endpointsOnly && changed.size > 0 };
    },
    snapshot: (id) => snapshots.get(id),
  };
}

/** `next` with every part of `before` that is the same bytes. */
function keepUnchanged(before: Snapshot | undefined, next: Snapshot): Snapshot {
  if (before === undefined) return next;
  const merged: Snapshot = new Map(
    [...next].map(([typeUrl, resources]) => [typeUrl, keepResources(before.get(typeUrl), resources)]),
  );
  return [...merged].every(([typeUrl, resources]) => resources === before.get(typeUrl)) ? before : merged;
}

function keepResources(before: ReadonlyMap<string, Resource> | undefined, next: ReadonlyMap<string, Resource>) {
  if (before === undefined) return next;
  const merged = new Map<string, Resource>();
  let same = before.size === next.size;
  for (const [name, resource] of next) {
    const old = before.get(name);
    const kept = old?.version === resource.version ? old : resource;
    merged.set(name, kept);
    same &&= kept === old;
  }
  return same ? before : merged;
}
