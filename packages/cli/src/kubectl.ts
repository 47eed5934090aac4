import { execFile } from 'node:child_process';
import { CommandError } from './command-error.ts';

/**
 * Runs kubectl, with `input` on its standard input, and resolves with what it printed. Throws CommandError, in kubectl's own words
 * after `failure`: "kubectl cannot list the control plane's pods".
 */
export function kubectl(args: readonly string[], failure: string, input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile('kubectl', args, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      if (error.code === 'ENOENT') {
        return reject(new CommandError('kubectl is not on PATH; install it, or leave out --cluster.'));
      }
      reject(new CommandError(`${failure}: ${lastWords(stderr) || error.message}`, { cause: error }));
    });
    // It may exit before it has read everything; `stderr` then has the reason.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** kubectl's error message, without the log lines of its client library (`E1128 21:24:35 ...`) that may come first. */
function lastWords(stderr: string): string {
  const lines = stderr.trim().split('\n');
  return lines.filter((line) => !/^[EWI]\d{4} /.test(line)).join('\n');
}
