/** A part that does not run while everything else does. */
export interface Trouble {
  /** The service or other subject. */
  readonly subject: string;
  /** What is wrong and what to do, without the subject. */
  readonly message: string;
}
