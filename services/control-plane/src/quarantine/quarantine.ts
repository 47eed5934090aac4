import { type Replaced, scopeNamespace } from '@weft/compiler/envoy/composition';
import type { Contribution, Replacement, SetAside } from '@weft/compiler/envoy/contribution';
import { type Resource, typeUrls } from '@weft/compiler/envoy/resource';
import type { MeshCompiler } from '@weft/compiler/mesh-compiler';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { Problem } from '@weft/compiler/model/problem';
import type { Delivery } from '../xds/delivery.ts';
import type { Aside } from './aside.ts';
import type { AsideStore } from './aside-store.ts';
import { findRefused } from './find-refused.ts';
import { defaultLimits, type QuarantineLimits } from './limits.ts';
import { Prober } from './prober.ts';
import { asideProblems, doubtProblem } from './quarantine-problems.ts';
import { RefusalsOfOne } from './refusals-of-one.ts';

export interface QuarantineOptions {
  readonly compiler: Pick<
    MeshCompiler,
    'composition' | 'compositionIn' | 'compositionOfProxy' | 'probe' | 'proxiesIn' | 'setAside'
  >;
  readonly delivery: Pick<Delivery, 'onAck' | 'onNack' | 'takenVersion' | 'refusedVersion'>;
  /** Runs a turn of the compiler. */
  readonly turn: (change: () => void) => void;
  /** Gives a proxy a listener besides its own; undefined: none any more. */
  readonly show: (proxy: WorkloadId, listener: Resource | undefined) => void;
  /** What resources were made from, for people. */
  readonly source: (names: readonly string[]) => string;
  /** Takes all problems there are, when they are others than before. */
  readonly report: (problems: readonly Problem[]) => void;
  readonly log: { warn(fields: object, message: string): void; error(fields: object, message: string): void };
  /** Keeps what is set aside over a restart. Default: nothing does. */
  readonly store?: Pick<AsideStore, 'save'>;
  readonly limits?: Partial<QuarantineLimits>;
}

/** What is known of the routes that some proxies share. */
interface Scope {
  /** What a proxy took last. */
  taken: readonly Contribution[];
  /** The version of what was taken. */
  takenVersion: string;
  /** By key. */
  aside: ReadonlyMap<string, Aside>;
  searching: boolean;
  /** A refusal that a search did not explain. */
  doubt?: { readonly version: string; readonly problem: Problem };
  /** No search begins before; milliseconds since the epoch. */
  notBeforeMs: number;
  timer?: NodeJS.Timeout;
}

/**
 * Finds what proxies refuse of routes that many contribute to, and sets it aside, so that everybody else's changes go on.
 *
 * A proxy's word counts only for the routes that it shares with its like: the replicas of one gateway, or the workloads of one namespace
 * that go by the same names. Within these, it counts only while no other proxy takes the same routes. See docs/decisions/quarantine.md.
 */
export class Quarantine {
  readonly #options: QuarantineOptions;
  readonly #limits: QuarantineLimits;
  readonly #prober: Prober;
  readonly #scopes = new Map<string, Scope>();
  readonly #stop: readonly (() => void)[];
  readonly #ofOne: RefusalsOfOne;
  /** By namespace or gateway: how many run, and those that wait. */
  readonly #searches = new Map<string, { running: number; readonly waiting: (() => void)[] }>();
  #serial = 0;
  #closed = false;

  constructor(options: QuarantineOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    const { delivery, show } = options;
    this.#prober = new Prober({ delivery, show, timeoutMs: this.#limits.answerMs });
    this.#ofOne = new RefusalsOfOne({
      ...this.#limits,
      delivery,
      source: options.source,
      onChange: () => this.#report(),
    });
    this.#stop = [
      delivery.onNack((event) => {
        const { workload, typeUrl, names } = event;
        const [name] = names;
        if (name === undefined) return;
        const isComposed = typeUrl === typeUrls.route && options.compiler.composition(workload, name) !== undefined;
        // Of several that are refused together each comes again by itself.
        if (isComposed && names.length === 1) this.#refused(workload, name);
        else if (!isComposed) this.#ofOne.refused(event);
      }),
      delivery.onAck(({ workload, typeUrl }) => {
        this.#ofOne.took(workload, typeUrl);
        if (typeUrl === typeUrls.route) this.#took(workload);
      }),
    ];
  }

  /**
   * Takes routes that were replaced, before others are sent: what a proxy had brought along, or was given by an earlier process, it has
   * never acknowledged here.
   */
  replaced(all: readonly Replaced[]): void {
    const { compiler, delivery } = this.#options;
    for (const { scope: key, resource, contributions } of all) {
      const { typeUrl, name, version } = resource;
      if (this.#scopes.get(key)?.takenVersion === version) continue;
      if (!compiler.proxiesIn(key).some((id) => delivery.takenVersion(id, typeUrl, name) === version)) continue;
      const scope = this.#scope(key);
      scope.taken = contributions;
      scope.takenVersion = version;
    }
  }

  /** Sets aside what an earlier process had. */
  restore(all: readonly Aside[]): void {
    for (const [key, aside] of Map.groupBy(all, ({ scope }) => scope)) {
      const scope = this.#scope(key);
      scope.taken = aside.flatMap(({ instead }) => instead ?? []);
      this.#keep(key, scope, new Map(aside.map((one) => [one.key, one])));
    }
  }

  close(): void {
    this.#closed = true;
    for (const stop of this.#stop) stop();
    for (const { timer } of this.#scopes.values()) clearTimeout(timer);
    this.#prober.close();
    this.#ofOne.close();
  }

  #took(proxy: WorkloadId): void {
    const { compiler, delivery } = this.#options;
    const now = compiler.compositionOfProxy(proxy);
    if (now === undefined) return;
    const { name, version } = now.resource;
    const scope = this.#scope(now.scope);
    const isSettled = scope.takenVersion === version && scope.aside.size === 0 && scope.doubt === undefined;
    if (isSettled || delivery.takenVersion(proxy, typeUrls.route, name) !== version) return;
    scope.taken = now.contributions;
    scope.takenVersion = version;
    const { size } = scope.aside;
    // What has changed is no longer aside, and a proxy has taken it.
    const offered = new Map(now.offered.map((contribution) => [contribution.key, contribution.version]));
    const aside = [...scope.aside].filter(
      ([key, { version, undecided }]) => !undecided && offered.get(key) === version,
    );
    const isDoubted = scope.doubt !== undefined;
    delete scope.doubt;
    if (aside.length !== size) this.#keep(now.scope, scope, new Map(aside));
    else if (isDoubted) this.#report();
  }

  #refused(proxy: WorkloadId, name: string): void {
    const { compiler, delivery } = this.#options;
    const now = compiler.composition(proxy, name);
    if (now === undefined || this.#closed) return;
    const { version } = now.resource;
    if (delivery.refusedVersion(proxy, typeUrls.route, name) !== version) return;
    const scope = this.#scope(now.scope);
    if (scope.searching || scope.doubt?.version === version) return;
    const waitMs = scope.notBeforeMs - Date.now();
    if (waitMs > 0) {
      scope.timer ??= setTimeout(() => {
        delete scope.timer;
        this.#refused(proxy, name);
      }, waitMs).unref();
      return;
    }
    scope.searching = true;
    this.#whenFree(scopeNamespace(now.scope) ?? now.scope, () =>
      this.#search(proxy, name, now.scope, scope)
        .catch((error: unknown) => {
          scope.notBeforeMs = Date.now() + this.#limits.pauseMs;
          this.#options.log.warn({ err: error, workload: proxy }, 'what a proxy refuses could not be searched');
        })
        .finally(() => {
          scope.searching = false;
          // What came meanwhile may be refused as well, by this proxy or by another one.
          for (const id of this.#options.compiler.proxiesIn(now.scope)) this.#refused(id, name);
        }),
    );
  }

  /** Runs a search, at once or when another one of the same tenant has ended. */
  #whenFree(whose: string, search: () => Promise<void>): void {
    const slots = this.#searches.get(whose) ?? { running: 0, waiting: [] };
    this.#searches.set(whose, slots);
    const begin = () => {
      slots.running++;
      void search().finally(() => {
        slots.running--;
        slots.waiting.shift()?.();
        if (slots.running === 0) this.#searches.delete(whose);
      });
    };
    if (slots.running < this.#limits.maxSearches) begin();
    else slots.waiting.push(begin);
  }

  async #search(proxy: WorkloadId, name: string, key: string, scope: Scope): Promise<void> {
    const { compiler, log } = this.#options;
    const { maxProbes, maxWords, pauseMs } = this.#limits;
    const before = compiler.compositionIn(key);
    if (before === undefined) return;
    const doubt = (why: string) => {
      scope.doubt = { version: before.resource.version, problem: doubtProblem(proxy, name, why) };
      scope.notBeforeMs = Date.now() + pauseMs;
      log.warn({ workload: proxy, resource: name, why }, 'a proxy refuses its routes, and nothing is set aside');
      this.#report();
      this.#review(proxy, name, scope);
    };
    if (await this.#othersTake(proxy, name, key)) {
      doubt('others that share these routes take them');
      return;
    }
    const { contributions } = before;
    const order = new Map(contributions.map((contribution, at) => [contribution, at]));
    const taken = new Map(scope.taken.map((contribution) => [contribution.key, contribution]));
    const isTaken = ({ key, version }: Contribution) => taken.get(key)?.version === version;
    const found = await findRefused({
      known: contributions.filter(isTaken),
      others: contributions.filter((contribution) => !isTaken(contribution)),
      maxProbes,
      judge: async (some) => {
        const inOrder = [...some].sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
        const probe = compiler.probe(key, inOrder, ++this.#serial);
        return probe && this.#prober.judge(proxy, probe);
      },
    }).finally(() => this.#prober.end(proxy));
    if (found.is === 'nothing') return doubt('each of their parts is accepted');
    if (found.is === 'everything')
      return doubt(`routes without any part are refused too (${found.reason.slice(0, maxWords)})`);
    const aside = new Map(scope.aside);
    const add = (refused: Contribution, words: string, more: Pick<Aside, 'undecided'> = {}) => {
      const last = taken.get(refused.key);
      const instead = last && last.version !== refused.version ? { instead: last } : {};
      const reason = words.slice(0, maxWords);
      const { key: of, version, sources } = refused;
      aside.set(of, { scope: key, key: of, version, sources, reason, ...instead, ...more });
      const then = instead.instead ? '; its last good form serves' : '';
      const from = sources.map(({ resource }) => resource);
      const fields = { workload: proxy, routes: name, contribution: of, sources: from, reason };
      log.error(fields, `what a proxy refuses is set aside${then}`);
    };
    for (const [refused, words] of found.refused) add(refused, words);
    for (const refused of found.undecided) {
      add(refused, `not decided within ${maxProbes} probes`, { undecided: true });
    }
    this.#keep(key, scope, aside);
  }

  /** Takes a doubt back when its proxy has gone, or no longer refuses. */
  #review(proxy: WorkloadId, name: string, scope: Scope): void {
    clearTimeout(scope.timer);
    scope.timer = setTimeout(() => {
      delete scope.timer;
      if (scope.doubt === undefined) return;
      const isRefused = this.#options.delivery.refusedVersion(proxy, typeUrls.route, name) === scope.doubt.version;
      if (isRefused) return this.#review(proxy, name, scope);
      delete scope.doubt;
      this.#report();
      this.#refused(proxy, name);
    }, this.#limits.pauseMs).unref();
  }

  /** Whether another proxy takes the same routes; waits for those that have not answered yet. */
  async #othersTake(proxy: WorkloadId, name: string, key: string): Promise<boolean> {
    const { compiler, delivery } = this.#options;
    const giveUpMs = Date.now() + this.#limits.othersMs;
    for (;;) {
      const version = compiler.compositionIn(key)?.resource.version;
      const others = compiler.proxiesIn(key).filter((id) => id !== proxy);
      if (others.some((id) => delivery.takenVersion(id, typeUrls.route, name) === version)) return true;
      const isOpen = others.some((id) => delivery.refusedVersion(id, typeUrls.route, name) !== version);
      if (!isOpen || Date.now() > giveUpMs) return false;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  #scope(key: string): Scope {
    const known = this.#scopes.get(key);
    if (known !== undefined) return known;
    if (this.#scopes.size >= this.#limits.maxScopes) this.#forgetOne();
    const scope: Scope = { taken: [], takenVersion: '', aside: new Map(), searching: false, notBeforeMs: 0 };
    this.#scopes.set(key, scope);
    return scope;
  }

  /** What is forgotten is found again when a proxy refuses it. */
  #forgetOne(): void {
    for (const [key, { searching, timer }] of this.#scopes) {
      if (searching || this.#options.compiler.proxiesIn(key).length > 0) continue;
      clearTimeout(timer);
      this.#scopes.delete(key);
      this.#options.turn(() => this.#options.compiler.setAside(key, undefined));
      return;
    }
  }

  #keep(key: string, scope: Scope, aside: ReadonlyMap<string, Aside>): void {
    const { compiler, turn } = this.#options;
    scope.aside = aside;
    const setAside: SetAside = new Map(
      [...aside].map(([of, { version, instead }]): [string, Replacement] => [
        of,
        { version, ...(instead ? { instead } : {}) },
      ]),
    );
    turn(() => compiler.setAside(key, setAside));
    const all = [...this.#scopes.values()].flatMap((one) => [...one.aside.values()]);
    this.#options.store?.save(all.filter(({ undecided }) => !undecided));
    this.#report();
  }

  #report(): void {
    const scopes = [...this.#scopes.values()];
    this.#options.report([
      ...asideProblems(scopes.flatMap(({ aside }) => [...aside.values()])),
      ...scopes.flatMap(({ doubt }) => doubt?.problem ?? []),
      ...this.#ofOne.problems(),
    ]);
  }
}
