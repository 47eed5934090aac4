import type { Turn } from '@weft/collections';
import type { Snapshot } from '@weft/compiler/envoy/resource';
import type { FactCollections } from '@weft/compiler/facts/fact-collections';
import { wholeFacts } from '@weft/compiler/facts/fact-collections';
import type { Facts } from '@weft/compiler/facts/facts';
import type { Compiled, MeshCompiler } from '@weft/compiler/mesh-compiler';
import type { Mesh, WorkloadId } from '@weft/compiler/model/mesh';
import { idOf } from '@weft/compiler/model/names';
import type { Override } from '@weft/compiler/model/override';
import type { Problem } from '@weft/compiler/model/problem';
import type { Memory } from '../history/memory.ts';
import type { WorkloadIdentities } from '../identity/workload-identities.ts';
import { MeshClock } from '../mesh-clock.ts';
import { auditOverrides } from '../status/override-audit.ts';
import type { Views } from '../views.ts';
import { type MeshTurn, meshTurn, modelCollections } from './mesh-turn.ts';

/** As much of a logger as turns need. */
export interface TurnLog {
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface MeshTurnsOptions {
  readonly compiler: MeshCompiler;
  /** What the compiler is given. */
  readonly facts: FactCollections;
  readonly identities: WorkloadIdentities;
  readonly log: TurnLog;
  /** Takes the routes that a turn replaced, before a proxy is sent others. */
  readonly onReplaced: (replaced: Compiled['replaced']) => void;
}

/** Everything that follows the turns of the mesh, in the order in which it is told. */
export interface Followers {
  readonly memory: Pick<Memory, 'record'>;
  readonly views: Pick<Views, 'tell' | 'renewed'>;
  /** Ends the stream of a workload that is gone. */
  readonly drop: (workload: WorkloadId) => void;
  /** Takes all problems and overrides, when they are others. */
  readonly report: (problems: readonly Problem[], overrides: readonly Override[]) => void;
}

/** Runs the turns of the mesh and tells everyone who follows it what each did. Costs what a turn changed. */
export class MeshTurns {
  readonly #options: MeshTurnsOptions;
  readonly #clock = new MeshClock();
  #followers: Followers | undefined;
  #known = false;

  constructor(options: MeshTurnsOptions) {
    this.#options = options;
  }

  /** Says who follows; once, before the first turn. */
  follow(followers: Followers): void {
    this.#followers = followers;
  }

  /** The mesh of now; undefined before the source has said anything. Live. */
  get mesh(): Mesh | undefined {
    return this.#known ? this.#options.compiler.mesh : undefined;
  }

  /** The mesh of now and what it was made of. */
  get now(): { readonly mesh: Mesh; readonly facts: Facts } | undefined {
    const { mesh } = this;
    return mesh && { mesh, facts: wholeFacts(this.#options.facts) };
  }

  /** Runs a turn in which a source sets what has changed. */
  turn(change: () => void): Turn {
    this.#known = true;
    return this.#run(change);
  }

  /** Runs a turn in which a proxy comes or goes. */
  connect(change: () => void): void {
    this.#run(change);
  }

  /** What a proxy should hold, connected or not; undefined: it is none. */
  snapshot(id: WorkloadId): Snapshot | undefined {
    const { compiler } = this.#options;
    const known = compiler.snapshot(id);
    if (known !== undefined || !this.mesh?.workloads.has(id)) return known;
    this.connect(() => compiler.connect(id));
    try {
      return compiler.snapshot(id);
    } finally {
      this.connect(() => compiler.disconnect(id));
    }
  }

  close(): void {
    this.#clock.close();
  }

  #run(change: () => void): Turn {
    const compiled = this.#options.compiler.turn(change, Date.now());
    this.#tell(compiled);
    return compiled.turn;
  }

  /** A bug in one who follows keeps nobody else from hearing of the turn. */
  #safely(what: string, tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.#options.log.error(
        { err: error, what },
        'what a turn of the mesh did could not be told to all who follow it',
      );
    }
  }

  #tell({ turn, changes, replaced }: Compiled): void {
    const { compiler, facts, log } = this.#options;
    const { mesh, translation } = compiler;
    this.#safely('the clock', () => this.#clock.set(mesh.nextChangeMs, () => this.#run(() => undefined)));
    const done = meshTurn(turn, facts, modelCollections(translation));
    this.#safely('the audit', () => {
      for (const { message, fields } of auditOverrides(done.overrides)) log.warn(fields, message);
    });
    const followers = this.#followers;
    if (followers === undefined) return;
    this.#safely('the report', () => {
      const isOther = translation.problems.some((found) => turn.changed(found).size > 0) || this.#failuresChanged();
      if (!isOther && done.overrides.size === 0) return;
      followers.report([...mesh.problems, ...compiler.failures()], mesh.overrides);
    });
    this.#safely('the history', () => followers.memory.record(done));
    this.#safely('the identities', () => this.#identify(turn, done, followers));
    this.#safely('the quarantine', () => this.#options.onReplaced(replaced));
    this.#safely('the proxies', () => followers.views.tell(changes));
    for (const [id, { after: still }] of done.workloads) {
      if (still === undefined) this.#safely('the streams', () => followers.drop(idOf(id)));
    }
  }

  #failures = '';

  #failuresChanged(): boolean {
    const failures = JSON.stringify(this.#options.compiler.failures());
    const isOther = failures !== this.#failures;
    this.#failures = failures;
    return isOther;
  }

  #identify(turn: Turn, { workloads }: MeshTurn, { views }: Followers): void {
    const { compiler, facts, identities } = this.#options;
    const changes = [...workloads].map(([id, change]) => ({ id: idOf(id), ...change }));
    const reissued = new Set(identities.changed(changes));
    if (turn.changed(facts.settings).size > 0) {
      for (const id of identities.setLifetime(compiler.mesh.settings.certificateLifetimeMs)) reissued.add(id);
    }
    if (reissued.size > 0) views.renewed(reissued);
  }
}
