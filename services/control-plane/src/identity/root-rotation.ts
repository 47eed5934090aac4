import { setTimeout as sleep } from 'node:timers/promises';
import { type AuthorityPem, bundleOf, makeRoot, type RootAuthority, readAuthority } from './root-authority.ts';
import type { RootStore } from './root-directory.ts';
import { beginRotation, nextRootState, type RootState, type Roots, removesAtMs, rootsOf } from './root-state.ts';

/** As much of a logger as is used here. */
export interface RotationLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface RootRotationOptions {
  readonly store: RootStore;
  /** An authority from outside, and again when it changes; absent: roots are our own. May reject: what is known stays. */
  readonly external?: () => Promise<AuthorityPem>;
  /** How long files with the roots may take to reach proxies. */
  readonly settleMs: number;
  /** How long all replicas of the control plane may take to hear of a phase. Default: 0, there is one. */
  readonly handoverMs?: number;
  /** Whether this replica decides; others only follow. Default: it does. */
  readonly decides?: () => boolean;
  readonly log: RotationLog;
  /** Default: Date.now. */
  readonly now?: () => number;
  /** How often it looks whether a phase is over. Default: 500 ms while a rotation is under way, else 5 s. */
  readonly lookEveryMs?: number;
}

/** Those who live by the roots. */
export interface RotationFollowers {
  /** Proxies, and replicas of the control plane, that have not taken a bundle of roots yet. */
  readonly waitingFor: (bundle: string) => Promise<readonly string[]> | readonly string[];
  /** How long certificates live at present. */
  readonly lifetimeMs: () => number;
  /** Called after each change of whom to trust or who signs. */
  readonly onChange: (roots: Roots) => void;
}

/** Where a rotation is. */
export interface RotationStatus {
  readonly phase: RootState['phase'];
  /** Of the root that signs. */
  readonly fingerprint: string;
  readonly notAfterMs: number;
  /** Of the root that comes; absent in the phase "steady". */
  readonly nextFingerprint?: string;
  readonly sinceMs?: number;
  /** When the old root is removed, once the new one signs. */
  readonly removesAtMs?: number;
  readonly waitingFor: readonly string[];
  /** The authority comes from outside. */
  readonly external: boolean;
}

/** A rotation cannot begin now. The message says why. */
export class RotationRefused extends Error {
  override readonly name = 'RotationRefused';
}

/**
 * The roots of the mesh, and their rotation: a new root is trusted everywhere before it signs, and the old one until its last
 * certificate has ended. Each phase is stored before anything is done by it, so that a crash resumes it.
 */
export class RootRotation {
  readonly #options: RootRotationOptions;
  readonly #now: () => number;
  readonly #stop = new AbortController();
  #state: RootState;
  #roots: Roots;
  #signer: RootAuthority;
  #followers: RotationFollowers | undefined;
  #waitingFor: readonly string[] = [];
  #externalError = '';
  #turn: Promise<void> = Promise.resolve();
  #loop: Promise<void> | undefined;
  #wake = new AbortController();
  /** Somebody else may have stored something since we last looked. */
  #stale = false;

  private constructor(options: RootRotationOptions, state: RootState) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#state = state;
    this.#roots = rootsOf(state, this.#now());
    this.#signer = this.#roots.signerAt(this.#now());
  }

  /** Opens what is stored, or begins with the authority from outside or a root of our own. */
  static async open(options: RootRotationOptions): Promise<RootRotation> {
    const stored = await options.store.load();
    if (stored !== undefined) return new RootRotation(options, stored);
    const nowMs = (options.now ?? Date.now)();
    const current = options.external ? await options.external() : makeRoot(nowMs);
    readAuthority(current, 'the root', nowMs);
    await options.store.save({ phase: 'steady', current });
    // Two replicas may have begun at once; what is stored is what counts.
    return new RootRotation(options, (await options.store.load()) ?? { phase: 'steady', current });
  }

  /** Says who lives by the roots. Before that no rotation begins and none goes on. */
  follow(followers: RotationFollowers): void {
    this.#followers = followers;
  }

  /** Begins to look whether phases are over. */
  start(): void {
    this.#loop ??= this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#wake.abort();
    await this.#loop;
    await this.#turn;
  }

  get roots(): Roots {
    return this.#roots;
  }

  /** Who signs what begins now. */
  get signer(): RootAuthority {
    return this.#roots.signerAt(this.#now());
  }

  status(): RotationStatus {
    const signer = this.signer;
    const state = this.#state;
    const common = {
      phase: state.phase,
      fingerprint: signer.fingerprint,
      notAfterMs: signer.notAfterMs,
      waitingFor: state.phase === 'spreading' ? this.#waitingFor : [],
      external: this.#options.external !== undefined,
    };
    if (state.phase === 'steady') return common;
    const nextFingerprint = this.#roots.signerAt(Number.POSITIVE_INFINITY).fingerprint;
    const next =
      state.phase === 'spreading' ? readAuthority(state.next, 'the next root', 0).fingerprint : nextFingerprint;
    const removes = state.phase === 'signing' ? { removesAtMs: removesAtMs(state) } : {};
    return { ...common, nextFingerprint: next, sinceMs: state.sinceMs, ...removes };
  }

  /** Begins a rotation to a new root of our own; while one is under way, that one goes on. Rejects with RotationRefused. */
  async begin(): Promise<RotationStatus> {
    if (this.#options.external !== undefined) {
      throw new RotationRefused('the root comes from outside: replace its files, and the mesh follows');
    }
    if (this.#options.decides?.() === false) {
      throw new RotationRefused('another replica of the control plane decides about the root: ask that one');
    }
    await this.#inTurn(async () => {
      if (this.#stale) await this.#follow();
      if (this.#followers === undefined)
        throw new RotationRefused('the control plane has only begun to start: ask again');
      if (this.#state.phase === 'steady') await this.#begin(makeRoot(this.#now()), this.#followers);
    });
    return this.status();
  }

  /** Looks once whether something is to be done, and does it. */
  look(): Promise<void> {
    return this.#inTurn(async () => {
      const decides = this.#options.decides?.() !== false;
      if (!decides || this.#stale) await this.#follow();
      this.#stale = !decides;
      if (decides) await this.#decide();
      // The next root may have begun to sign since.
      if (this.signer.fingerprint !== this.#signer.fingerprint) this.#tell();
    });
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.look().catch((error: unknown) => {
        this.#options.log.warn({ error: String(error) }, 'the rotation of the root could not go on; it tries again');
      });
      const everyMs = this.#options.lookEveryMs ?? (this.#state.phase === 'steady' ? 5000 : 500);
      this.#wake = new AbortController();
      if (this.#stop.signal.aborted) return;
      await sleep(everyMs, undefined, { signal: this.#wake.signal, ref: false }).catch(() => undefined);
    }
  }

  async #decide(): Promise<void> {
    const followers = this.#followers;
    if (followers === undefined) return;
    if (this.#state.phase === 'steady') {
      const offered = await this.#external();
      if (offered !== undefined) await this.#begin(offered, followers);
      return;
    }
    const { settleMs, handoverMs = 0 } = this.#options;
    const spreading = this.#state.phase === 'spreading';
    this.#waitingFor = spreading ? await followers.waitingFor(this.#roots.bundle) : [];
    const view = { nowMs: this.#now(), acknowledged: this.#waitingFor.length === 0, settleMs, handoverMs };
    const next = nextRootState(this.#state, { ...view, lifetimeMs: followers.lifetimeMs() });
    if (next !== this.#state) await this.#take(next);
  }

  async #follow(): Promise<void> {
    const stored = await this.#options.store.load();
    if (stored !== undefined && JSON.stringify(stored) !== JSON.stringify(this.#state)) this.#become(stored);
  }

  /** What outside offers and is not what signs already. */
  async #external(): Promise<AuthorityPem | undefined> {
    const { external, log } = this.#options;
    if (external === undefined) return undefined;
    try {
      const offered = await external();
      readAuthority(offered, 'the root from outside', this.#now());
      this.#externalError = '';
      const { key, chain, roots } = this.#state.current;
      const same = offered.key === key && offered.chain === chain && bundleOf(offered.roots) === bundleOf(roots);
      return same ? undefined : offered;
    } catch (error) {
      const message = String(error);
      if (message !== this.#externalError) log.warn({ error: message }, 'the root from outside cannot be used');
      this.#externalError = message;
      return undefined;
    }
  }

  async #begin(next: AuthorityPem, { lifetimeMs }: RotationFollowers): Promise<void> {
    await this.#take(beginRotation(this.#state, next, this.#now(), lifetimeMs()));
  }

  /** Stores a state, then lives by it. */
  async #take(state: RootState): Promise<void> {
    this.#stale = true;
    await this.#options.store.save(state);
    this.#stale = false;
    this.#become(state);
  }

  #become(state: RootState): void {
    this.#roots = rootsOf(state, this.#now());
    this.#state = state;
    this.#options.log.info({ phase: state.phase, root: this.signer.fingerprint }, 'the root of the mesh');
    this.#tell();
    this.#wake.abort();
  }

  #tell(): void {
    this.#signer = this.signer;
    this.#followers?.onChange(this.#roots);
  }

  /** One after the other: a request to begin and the regular look must not both store. */
  #inTurn(task: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(task);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}
