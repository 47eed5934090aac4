/** What becomes of one call and why. */
export interface Explanation {
  /** The mesh lets it through to a replica that takes calls. */
  readonly allowed: boolean;
  /** One sentence; of a call that is refused, that of the refusal. */
  readonly verdict: string;
  /** What would have to change; of calls that are refused. */
  readonly advice?: string;
  /** The way of the call, in order. */
  readonly steps: readonly Step[];
}

/** One station of a call. */
export interface Step {
  readonly name: 'caller' | 'listener' | 'route' | 'policy' | 'cluster' | 'endpoints' | 'certificates' | 'callee';
  readonly summary: string;
  readonly values: readonly Value[];
}

/** Something that holds, and where it comes from. */
export interface Value {
  readonly name: string;
  readonly value: string;
  /** The option and file that say so, or "default". */
  readonly source?: string;
}
