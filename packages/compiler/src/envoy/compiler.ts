import type { Mesh, ServiceId, WorkloadId } from '../model/mesh.ts';
import { affectedWorkloads, onlyReplicasChanged } from './affected.ts';
import { type Resource, type Snapshot, type TypeUrl, typeUrls } from './resource.ts';
import { compiledTypes, endpointsFor, resourcesFor } from './snapshot.ts';

/** What a new mesh changes. */
export interface MeshChange {
  /** Proxies that may have something else to hold than before, those that are new or gone included. Never too few. */
  readonly affected: ReadonlySet<WorkloadId>;
  /** Of all who were there before and still are, nobody has anything else than endpoints to learn: such a change never waits. */
  readonly endpointsOnly: boolean;
}

/** The Envoy back end with a memory of one mesh, so that each new one costs only what it changes. */
export interface Compiler {
  /** Takes a new mesh and says whom it concerns. */
  update(mesh: Mesh): MeshChange;
  /**
   * What a proxy should hold now; undefined before the first mesh and for an unknown workload. It is compiled when it is first asked
   * for, so that the first proxies have theirs while others wait, and those that are not there cost nothing.
   */
  snapshot(id: WorkloadId): Snapshot | undefined;
}

export interface CompilerOptions {
  /** Told of a proxy whose configuration cannot be compiled, which is a bug; it keeps what it had until a mesh can be. Default: thrown. */
  readonly onFailure?: (id: WorkloadId, error: unknown) => void;
}

export function createCompiler(options: CompilerOptions = {}): Compiler {
  let mesh: Mesh | undefined;
  const snapshots = new Map<WorkloadId, Snapshot>();
  /** Snapshots that are to be compiled again, whole or only in the endpoints of these services. */
  const stale = new Map<WorkloadId, 'anything' | ReadonlySet<ServiceId>>();
  const failed = new Set<WorkloadId>();
  return {
    update(next) {
      const { anything, endpoints, services } = affectedWorkloads(mesh, next);
      for (const id of failed) anything.add(id);
      failed.clear();
      for (const id of endpoints) {
        const already = stale.get(id);
        if (already !== 'anything') stale.set(id, already ? new Set([...already, ...services]) : services);
      }
      for (const id of anything) {
        if (next.workloads.has(id)) stale.set(id, 'anything');
        else {
          stale.delete(id);
          snapshots.delete(id);
        }
      }
      const endpointsOnly = mesh !== undefined && onlyReplicasChanged(mesh, next);
      mesh = next;
      return { affected: new Set([...anything, ...endpoints]), endpointsOnly };
    },
    snapshot(id) {
      const before = snapshots.get(id);
      const what = stale.get(id);
      const workload = mesh?.workloads.get(id);
      if (mesh === undefined || what === undefined || workload === undefined) return before;
      stale.delete(id);
      try {
        const compiled =
          before === undefined || what === 'anything'
            ? whole(before, resourcesFor(mesh, workload))
            : withEndpoints(before, endpointsFor(mesh, workload, what));
        snapshots.set(id, compiled);
      } catch (error) {
        if (options.onFailure === undefined) throw error;
        failed.add(id);
        options.onFailure(id, error);
      }
      return snapshots.get(id);
    },
  };
}

type Part = ReadonlyMap<string, Resource>;

/** A snapshot of these resources; whatever `before` has of the same bytes stays the same object. */
function whole(before: Snapshot | undefined, resources: readonly Resource[]): Snapshot {
  const snapshot = new Map<TypeUrl, Part>();
  for (const typeUrl of compiledTypes) {
    const known = before?.get(typeUrl);
    const part = new Map<string, Resource>();
    for (const resource of resources) {
      if (resource.typeUrl !== typeUrl) continue;
      const old = known?.get(resource.name);
      part.set(resource.name, old?.version === resource.version ? old : resource);
    }
    const same = known?.size === part.size && [...part].every(([name, resource]) => known.get(name) === resource);
    snapshot.set(typeUrl, same ? known : part);
  }
  return before && compiledTypes.every((typeUrl) => snapshot.get(typeUrl) === before.get(typeUrl)) ? before : snapshot;
}

/** `before` with these endpoints in the place of those that it has. */
function withEndpoints(before: Snapshot, resources: readonly Resource[]): Snapshot {
  const known: Part = before.get(typeUrls.endpoints) ?? new Map();
  const fresh = resources.filter(({ name, version }) => known.get(name)?.version !== version);
  if (fresh.length === 0) return before;
  const part = new Map(known);
  for (const resource of fresh) part.set(resource.name, resource);
  return new Map(before).set(typeUrls.endpoints, part);
}
