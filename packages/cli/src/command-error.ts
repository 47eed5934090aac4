import { isNoSpace } from './system-error.ts';

/** Ends a command with one sentence for the user: what is wrong and what to do. No stack trace is shown. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  /** The exit code of the command. Default: 1. */
  readonly exitCode: number;

  constructor(message: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.exitCode = options.exitCode ?? 1;
  }
}

/** What went wrong, as one line for the user: the message of an error, or the value itself. */
export function reasonOf(error: unknown): string {
  if (isNoSpace(error)) return 'no space is left on the disk of the mesh; free some space, then try again';
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.split('\n')[0] ?? '';
}

/** The error of a command that got no answer from the control plane. */
export function noAnswer(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  return new CommandError(`The control plane does not answer (${reasonOf(error)}).`, { cause: error });
}
