import type { Compiler } from '@weft/compiler/envoy/compiler';
import { type Resource, type Snapshot, typeUrls } from '@weft/compiler/envoy/resource';
import type { Mesh, WorkloadId } from '@weft/compiler/model/mesh';
import type { Roots } from './identity/root-state.ts';
import type { WorkloadIdentities } from './identity/workload-identities.ts';
import type { SnapshotChange, SnapshotSource } from './xds/delivery.ts';

interface Joined {
  readonly compiled: Snapshot;
  readonly secrets: ReadonlyMap<string, Resource>;
  readonly snapshot: Snapshot;
}

/** What each proxy should hold, secrets included: the compiled mesh and the certificates of its workloads, joined. */
export class Snapshots implements SnapshotSource {
  readonly #compiler: Compiler;
  readonly #identities: WorkloadIdentities;
  readonly #listeners = new Set<(change: SnapshotChange) => void>();
  readonly #joined = new Map<WorkloadId, Joined>();
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
    const { affected, endpointsOnly } = this.#compiler.update(mesh);
    const before: Mesh['workloads'] = this.#mesh?.workloads ?? new Map();
    const gone = [...before.keys()].filter((id) => !mesh.workloads.has(id));
    const reissued = new Set([
      ...this.#identities.changed(gone.map((id) => ({ id }))),
      ...this.#identities.changed([...mesh.workloads.values()].map((after) => ({ id: after.id, after }))),
      ...this.#identities.setLifetime(mesh.settings.certificateLifetimeMs),
    ]);
    for (const id of gone) this.#joined.delete(id);
    this.#mesh = mesh;
    const proxies = reissued.size === 0 ? affected : new Set([...affected, ...reissued]);
    if (proxies.size > 0) this.#tell({ proxies, endpointsOnly: endpointsOnly && reissued.size === 0 });
    return gone;
  }

  /** Says that the certificates of these workloads were renewed. */
  renewed(workloads: readonly WorkloadId[]): void {
    this.#tell({ proxies: new Set(workloads), endpointsOnly: false });
  }

  /** Takes whom to trust and who signs. */
  setRoots(roots: Roots): void {
    const proxies = this.#identities.setRoots(roots);
    if (proxies.size > 0) this.#tell({ proxies, endpointsOnly: false });
  }

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

  onChange(listener: (change: SnapshotChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(change: SnapshotChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}
