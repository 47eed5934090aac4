import type { Contribution } from '@weft/compiler/envoy/contribution';

/** A version of a contribution that is set aside. */
export interface Aside extends Pick<Contribution, 'key' | 'version' | 'sources'> {
  /** Whose routes it is set aside in. */
  readonly scope: string;
  /** The words of the proxy that refused it. */
  readonly reason: string;
  /** The last form that a proxy took, which is sent in its place; absent: there is none. */
  readonly instead?: Contribution;
  /** The search ended before it was known whether this is refused; it is tried again once the others are taken. */
  readonly undecided?: true;
}
