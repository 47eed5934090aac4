/** Something that could not be computed. What it had computed before stays. */
export interface Failure {
  /** The name of the derived collection, or of the index whose buckets could not be computed. */
  readonly collection: string;
  /** The key of its input. */
  readonly key: string;
  /** What the derivation threw. */
  readonly error: unknown;
}
