import type { TypeUrl, View } from '@weft/compiler/envoy/resource';
import { defaultXdsLimits, type XdsLimits } from './limits.ts';

type Bounds = Pick<XdsLimits, 'maxOutsideNames' | 'maxOutsideChars'>;

/**
 * The names that a stream subscribes to, or says that it holds, and its view does not have. They are kept, because a resource of that
 * name may come; so their number is bounded.
 */
export class OutsideNames {
  readonly #bounds: Bounds;
  readonly #names = new Map<TypeUrl, Set<string>>();
  #chars = 0;
  #size = 0;

  constructor(bounds: Bounds = defaultXdsLimits) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#size;
  }

  /** Notes names that a request has brought; why they are too many, undefined: they are not. */
  add(typeUrl: TypeUrl, names: Iterable<string>, view: View | undefined): string | undefined {
    let known = this.#names.get(typeUrl);
    for (const name of names) {
      if (known?.has(name) || view?.get(typeUrl, name) !== undefined) continue;
      if (known === undefined) {
        known = new Set();
        this.#names.set(typeUrl, known);
      }
      known.add(name);
      this.#size++;
      this.#chars += name.length;
    }
    if (!this.#isOver()) return undefined;
    // Some may have come to the view since they were noted.
    this.#prune(view);
    if (!this.#isOver()) return undefined;
    const { maxOutsideNames, maxOutsideChars } = this.#bounds;
    return (
      `subscriptions to ${this.#size} names of ${this.#chars} characters that are not in the configuration of this proxy ` +
      `must be at most ${maxOutsideNames} of ${maxOutsideChars}`
    );
  }

  /** Forgets names of a type that the client no longer wants. */
  delete(typeUrl: TypeUrl, names: Iterable<string>): void {
    const known = this.#names.get(typeUrl);
    if (known === undefined) return;
    for (const name of names) {
      if (!known.delete(name)) continue;
      this.#size--;
      this.#chars -= name.length;
    }
  }

  /** Forgets all names of a type but these. */
  retain(typeUrl: TypeUrl, names: ReadonlySet<string>): void {
    const known = this.#names.get(typeUrl);
    if (known === undefined) return;
    this.delete(
      typeUrl,
      [...known].filter((name) => !names.has(name)),
    );
  }

  #isOver(): boolean {
    return this.#size > this.#bounds.maxOutsideNames || this.#chars > this.#bounds.maxOutsideChars;
  }

  #prune(view: View | undefined): void {
    if (view === undefined) return;
    for (const [typeUrl, names] of this.#names) {
      this.delete(
        typeUrl,
        [...names].filter((name) => view.get(typeUrl, name) !== undefined),
      );
    }
  }
}
