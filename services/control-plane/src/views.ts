import { isProbe } from '@weft/compiler/envoy/listener-probe';
import {
  type Resource,
  type TypeUrl,
  typeUrls,
  type View,
  type ViewChange,
  type ViewSource,
} from '@weft/compiler/envoy/resource';
import type { MeshCompiler } from '@weft/compiler/mesh-compiler';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import { secretNames, type WorkloadIdentities } from './identity/workload-identities.ts';

export interface ViewsOptions {
  readonly compiler: Pick<MeshCompiler, 'mesh' | 'view' | 'connect' | 'disconnect'>;
  readonly identities: Pick<WorkloadIdentities, 'secrets'>;
  /** Runs a turn of the compiler and takes what it did to `tell`. */
  readonly turn: (change: () => void) => void;
}

const secretsChanged = new Map([[typeUrls.secret, new Set<string>(Object.values(secretNames))]]);

/** What each connected proxy should hold, secrets included: the compiled mesh and the certificates of its workloads, joined. */
export class Views implements ViewSource {
  readonly #options: ViewsOptions;
  readonly #listeners = new Set<(changes: readonly ViewChange[]) => void>();
  readonly #views = new Map<WorkloadId, View>();
  readonly #probes = new Map<WorkloadId, Resource>();

  constructor(options: ViewsOptions) {
    this.#options = options;
  }

  open(id: WorkloadId): void {
    const { compiler, turn } = this.#options;
    turn(() => compiler.connect(id));
  }

  close(id: WorkloadId): void {
    const { compiler, turn } = this.#options;
    this.#views.delete(id);
    this.#probes.delete(id);
    turn(() => compiler.disconnect(id));
  }

  view(id: WorkloadId): View | undefined {
    const { compiler, identities } = this.#options;
    const compiled = compiler.view(id);
    if (compiled === undefined) return undefined;
    const secrets = () => {
      const workload = compiler.mesh.workloads.get(id);
      return workload === undefined ? noSecrets : identities.secrets(workload);
    };
    let view = this.#views.get(id);
    if (view === undefined) {
      view = new JoinedView(compiled, secrets, () => this.#probes.get(id));
      this.#views.set(id, view);
    }
    return view;
  }

  onChange(listener: (changes: readonly ViewChange[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells what a turn did. */
  tell(changes: readonly ViewChange[]): void {
    if (changes.length === 0) return;
    for (const listener of this.#listeners) listener(changes);
  }

  /** Gives a connected proxy a listener besides its own, in place of the last such one; undefined: none any more. */
  probe(id: WorkloadId, listener: Resource | undefined): void {
    const before = this.#probes.get(id);
    if (listener === undefined) this.#probes.delete(id);
    else this.#probes.set(id, listener);
    const names = new Set([before, listener].flatMap((each) => each?.name ?? []));
    this.tell([{ proxies: [id], names: new Map([[typeUrls.listener, names]]) }]);
  }

  /** Says that these workloads have other certificates, or others to trust. */
  renewed(proxies: Iterable<WorkloadId>): void {
    this.tell([{ proxies, names: secretsChanged }]);
  }
}

const noSecrets: ReadonlyMap<string, Resource> = new Map();

class JoinedView implements View {
  readonly #compiled: View;
  readonly #secrets: () => ReadonlyMap<string, Resource>;
  readonly #probe: () => Resource | undefined;

  constructor(compiled: View, secrets: () => ReadonlyMap<string, Resource>, probe: () => Resource | undefined) {
    this.#compiled = compiled;
    this.#secrets = secrets;
    this.#probe = probe;
  }

  get(typeUrl: TypeUrl, name: string): Resource | undefined {
    if (typeUrl === typeUrls.secret) return this.#secrets().get(name);
    if (isProbe(name)) {
      const probe = this.#probe();
      return probe?.typeUrl === typeUrl && probe.name === name ? probe : undefined;
    }
    return this.#compiled.get(typeUrl, name);
  }

  *names(typeUrl: TypeUrl): Iterable<string> {
    if (typeUrl === typeUrls.secret) yield* this.#secrets().keys();
    else yield* this.#compiled.names(typeUrl);
    const probe = this.#probe();
    if (probe?.typeUrl === typeUrl) yield probe.name;
  }
}
