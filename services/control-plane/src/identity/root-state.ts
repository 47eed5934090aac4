import { z } from 'zod';
import { type AuthorityPem, bundleOf, type RootAuthority, readAuthority } from './root-authority.ts';

const authorityPem = z.object({ key: z.string(), chain: z.string(), roots: z.string() });

/** How a stored state is read; whoever stores it gives it back as it was. */
export const rootStateSchema = z.discriminatedUnion('phase', [
  z.object({ phase: z.literal('steady'), current: authorityPem }),
  z.object({ phase: z.literal('spreading'), current: authorityPem, next: authorityPem, sinceMs: z.number() }),
  z.object({
    phase: z.literal('signing'),
    current: authorityPem,
    next: authorityPem,
    sinceMs: z.number(),
    longestLifetimeMs: z.number(),
  }),
]);

/**
 * Which roots there are.
 *
 * - steady: there is one.
 * - spreading, since `sinceMs`: `next` is trusted beside `current` by whoever has heard of it, and signs nothing.
 * - signing: certificates that begin at `sinceMs` or later are signed by `next`; those of `current` live on, for
 *   `longestLifetimeMs` at most.
 */
export type RootState = z.infer<typeof rootStateSchema>;

/** Clocks of proxies may be this much behind: for so long a certificate that has ended may still be shown. */
const clockLeewayMs = 1000;

/** Another root is on its way. One whose roots are trusted already can sign at once. */
export function beginRotation(state: RootState, next: AuthorityPem, nowMs: number, lifetimeMs: number): RootState {
  const { current } = state;
  const known = bundleOf(current.roots);
  return bundleOf(current.roots, next.roots) === known
    ? { phase: 'signing', current, next, sinceMs: nowMs, longestLifetimeMs: lifetimeMs }
    : { phase: 'spreading', current, next, sinceMs: nowMs };
}

/** What can be told about the world, to decide on the next phase. */
export interface RotationView {
  readonly nowMs: number;
  /** Everybody who is connected has taken the bundle of both roots. */
  readonly acknowledged: boolean;
  /** How long files with the bundle may take to reach proxies. */
  readonly settleMs: number;
  /** How long all replicas of the control plane may take to hear of a phase. */
  readonly handoverMs: number;
  /** How long certificates live now. */
  readonly lifetimeMs: number;
}

/** The state that follows; the same object while there is nothing to do. Pure. */
export function nextRootState(state: RootState, view: RotationView): RootState {
  const { nowMs, lifetimeMs } = view;
  switch (state.phase) {
    case 'steady':
      return state;
    case 'spreading': {
      if (!view.acknowledged || nowMs < state.sinceMs + view.settleMs) return state;
      const { current, next } = state;
      return { phase: 'signing', current, next, sinceMs: nowMs + view.handoverMs, longestLifetimeMs: lifetimeMs };
    }
    case 'signing': {
      if (lifetimeMs > state.longestLifetimeMs) return { ...state, longestLifetimeMs: lifetimeMs };
      return nowMs >= removesAtMs(state) ? { phase: 'steady', current: state.next } : state;
    }
  }
}

/** When the last certificate of the old root has ended. */
export function removesAtMs(state: Extract<RootState, { phase: 'signing' }>): number {
  return state.sinceMs + state.longestLifetimeMs + clockLeewayMs;
}

/** Whom to trust, and who signs what. Immutable. */
export interface Roots {
  /** Every root that is trusted, PEM. */
  readonly bundle: string;
  /** Who signs a certificate that begins at a moment: also a control plane that restarts gives the same answer. */
  signerAt(startMs: number): RootAuthority;
}

/** The roots of a state. Throws RootAuthorityError when one of them cannot sign. */
export function rootsOf(state: RootState, nowMs: number = Date.now()): Roots {
  const current = readAuthority(state.current, 'the root', nowMs);
  if (state.phase === 'steady') return steadyRoots(current);
  const next = readAuthority(state.next, 'the next root', nowMs);
  const fromMs = state.phase === 'signing' ? state.sinceMs : Number.POSITIVE_INFINITY;
  return {
    bundle: bundleOf(state.current.roots, state.next.roots),
    signerAt: (startMs) => (startMs >= fromMs ? next : current),
  };
}

/** One root that signs everything. */
export function steadyRoots(root: RootAuthority): Roots {
  return { bundle: root.pem, signerAt: () => root };
}
