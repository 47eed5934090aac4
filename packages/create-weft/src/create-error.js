// @ts-check
/** Ends the command with one sentence for the user: what is wrong and what to do. */
export class CreateError extends Error {
  /** @override */
  name = 'CreateError';
}
