import type { PathClaims } from '@weft/compiler/translation/path-claims';
import type { ClaimStore } from './claim-store.ts';

export interface KeptClaimsOptions {
  readonly store: ClaimStore;
  readonly claims: PathClaims;
  /** Whether this replica writes. All remember, so that another can go on. */
  readonly decides: () => boolean;
  readonly log: { warn(fields: object, message: string): void };
  /** How long until it tries again to write. Default: 5 s. */
  readonly retryMs?: number;
}

/** Keeps over restarts who had a path first. */
export class KeptClaims {
  readonly #options: KeptClaimsOptions;
  readonly #timer: NodeJS.Timeout;
  #written: number;
  #writing: Promise<void> | undefined;

  private constructor(options: KeptClaimsOptions) {
    this.#options = options;
    this.#written = options.claims.version;
    this.#timer = setInterval(() => this.look(), options.retryMs ?? 5000).unref();
  }

  /** Gives what was kept to those who judge, before the first turn. What cannot be read is said in the log, and is as if it had not been. */
  static async open(options: KeptClaimsOptions): Promise<KeptClaims> {
    const { store, claims, log } = options;
    try {
      claims.adopt(await store.load(), Date.now());
    } catch (error) {
      log.warn({ err: error, place: store.place }, 'who had a path at a gateway first cannot be read');
    }
    return new KeptClaims(options);
  }

  /** Writes what is other than what was written. */
  look(): void {
    const { claims, decides } = this.#options;
    if (claims.version !== this.#written && decides()) this.#writing ??= this.#write();
  }

  /** Resolves when all is written, or cannot be. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
    this.look();
    await this.#writing;
  }

  async #write(): Promise<void> {
    const { store, claims, log } = this.#options;
    const { version } = claims;
    try {
      await store.save(claims.stored(Date.now()));
      this.#written = version;
    } catch (error) {
      log.warn({ err: error, place: store.place }, 'who had a path at a gateway first cannot be kept');
    } finally {
      this.#writing = undefined;
    }
  }
}
