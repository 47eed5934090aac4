import type { Compiler } from '@weft/compiler/envoy/compiler';
import {
  type ChangedNames,
  type Resource,
  type Snapshot,
  type TypeUrl,
  typeUrls,
  type View,
  type ViewChange,
  type ViewSource,
} from '@weft/compiler/envoy/resource';
import type { Mesh, WorkloadId } from '@weft/compiler/model/mesh';
import type { Roots } from './identity/root-state.ts';
import type { WorkloadIdentities } from './identity/workload-identities.ts';

interface Joined {
  readonly compiled: Snapshot;
  readonly secrets: ReadonlyMap<string, Resource>;
  readonly snapshot: Snapshot;
}

/** What each proxy should hold, secrets included: the compiled mesh and the certificates of its workloads, joined. */
export class Snapshots implements ViewSource {
  readonly #compiler: Compiler;
  readonly #identities: WorkloadIdentities;
  readonly #listeners = new Set<(changes: readonly ViewChange[]) => void>();
  readonly #joined = new Map<WorkloadId, Joined>();
  /** Of connected proxies. */
  readonly #views = new Map<WorkloadId, SnapshotView>();
  #mesh: Mesh | undefined;

  constructor(compiler: Compiler, identities: WorkloadIdentities) {
    this.#compiler = compiler;
    this.#identities = identities;
  }

  /** The mesh that the snapshots are of. */
  get mesh(): Mesh | undefined {
    return this.#mesh;
  }

  /** Takes a new mesh. Returns the workloads that are gone with the old one. */
  take(mesh: Mesh): readonly WorkloadId[] {
    const { affected } = this.#compiler.update(mesh);
    const reissued = this.#identities.track(mesh.workloads, mesh.settings.certificateLifetimeMs);
    const gone = [...(this.#mesh?.workloads.keys() ?? [])].filter((id) => !mesh.workloads.has(id));
    for (const id of gone) this.#joined.delete(id);
    this.#mesh = mesh;
    this.#changed(reissued.size === 0 ? affected : new Set([...affected, ...reissued]));
    return gone;
  }

  /** Says that the certificates of these workloads were renewed. */
  renewed(workloads: readonly WorkloadId[]): void {
    this.#changed(workloads);
  }

  /** Takes whom to trust and who signs. */
  setRoots(roots: Roots): void {
    this.#changed(this.#identities.setRoots(roots));
  }

  /** What a proxy should hold, connected or not; undefined for an unknown workload. */
  get(id: WorkloadId): Snapshot | undefined {
    const workload = this.#mesh?.workloads.get(id);
    const compiled = this.#compiler.snapshot(id);
    if (workload === undefined || compiled === undefined) return undefined;
    const secrets = this.#identities.secrets(workload);
    const known = this.#joined.get(id);
    if (known?.compiled === compiled && known.secrets === secrets) return known.snapshot;
    const snapshot = new Map([...compiled, [typeUrls.secret, secrets]]);
    this.#joined.set(id, { compiled, secrets, snapshot });
    return snapshot;
  }

  open(id: WorkloadId): void {
    this.#views.set(id, new SnapshotView(this.get(id)));
  }

  close(id: WorkloadId): void {
    this.#views.delete(id);
  }

  view(id: WorkloadId): View | undefined {
    const view = this.#views.get(id);
    return view?.snapshot && view;
  }

  onChange(listener: (changes: readonly ViewChange[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells of the connected ones of these proxies that now have something else to hold. */
  #changed(ids: Iterable<WorkloadId>): void {
    const changes: ViewChange[] = [];
    for (const id of ids) {
      const view = this.#views.get(id);
      if (view === undefined) continue;
      const before = view.snapshot;
      view.snapshot = this.get(id);
      const names = changedNames(before, view.snapshot);
      if (names === 'everything' || names.size > 0) changes.push({ proxies: [id], names });
    }
    if (changes.length > 0) for (const listener of this.#listeners) listener(changes);
  }
}

/** A snapshot that is replaced by the next. */
class SnapshotView implements View {
  snapshot: Snapshot | undefined;

  constructor(snapshot: Snapshot | undefined) {
    this.snapshot = snapshot;
  }

  get(typeUrl: TypeUrl, name: string): Resource | undefined {
    return this.snapshot?.get(typeUrl)?.get(name);
  }

  names(typeUrl: TypeUrl): Iterable<string> {
    return this.snapshot?.get(typeUrl)?.keys() ?? [];
  }
}

function changedNames(before: Snapshot | undefined, after: Snapshot | undefined): ChangedNames {
  if (before === undefined || after === undefined) return before === after ? new Map() : 'everything';
  const changed = new Map<TypeUrl, readonly string[]>();
  for (const typeUrl of Object.values(typeUrls)) {
    const [old, now] = [before.get(typeUrl), after.get(typeUrl)];
    if (old === now) continue;
    const names: string[] = [];
    for (const [name, resource] of now ?? []) if (old?.get(name)?.version !== resource.version) names.push(name);
    for (const name of old?.keys() ?? []) if (!now?.has(name)) names.push(name);
    if (names.length > 0) changed.set(typeUrl, names);
  }
  return changed;
}
