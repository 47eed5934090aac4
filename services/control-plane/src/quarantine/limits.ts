/** What a search for refused contributions may cost. */
export interface QuarantineLimits {
  /** How long the other proxies that hold the same routes have to say that they take them. Default: 200 ms. */
  readonly othersMs: number;
  /** How often one search may ask a proxy. Default: 200; what is undecided then is set aside until the rest is taken. */
  readonly maxProbes: number;
  /** How long a proxy may take for an answer. Default: 5 s. */
  readonly answerMs: number;
  /** Searches at the same time for the proxies of one namespace, or of one gateway; others wait. Default: 4. */
  readonly maxSearches: number;
  /** After a search that found nothing, the next one for the same routes begins no sooner. Default: 10 s. */
  readonly pauseMs: number;
  /** Sets of routes, each of one gateway or of the callers of one name, that something is remembered of. Default: 10,000. */
  readonly maxScopes: number;
  /** Proxies whose refusals of other resources are shown. Default: 1,000. */
  readonly maxRefusals: number;
  /** Characters of a proxy's words that are shown. Default: 400. */
  readonly maxWords: number;
}

/** See `QuarantineLimits`. */
export const defaultLimits: QuarantineLimits = {
  othersMs: 200,
  maxProbes: 200,
  answerMs: 5_000,
  maxSearches: 4,
  pauseMs: 10_000,
  maxScopes: 10_000,
  maxRefusals: 1_000,
  maxWords: 400,
};
