/** Something that does not run while everything else does. */
export interface Trouble {
  /** A service, or what else it is about. */
  readonly subject: string;
  /** What is wrong and what to do, without the subject. */
  readonly message: string;
}
