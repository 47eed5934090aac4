import { spawn } from 'node:child_process';
import { CommandError } from '../command-error.ts';

/**
 * Runs a program to its end and returns what it printed to stdout. Passes its output to `say`, line by line.
 *
 * @throws CommandError with `failed` and its last line if it cannot be started or does not exit with 0.
 */
export async function runCommand(
  [program = '', ...args]: readonly string[],
  { cwd, failed, say }: { cwd: string; failed: string; say?: (line: string) => void },
): Promise<string> {
  const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = `${said}${text}`.slice(-16_384);
      if (stream === child.stdout) out += text;
      if (say) for (const line of text.split('\n')) if (line.trim() !== '') say(line);
    });
  }
  const ending = await new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) =>
      resolve(code === 0 ? undefined : `it exited with ${signal ?? `code ${code}`}`),
    );
  });
  if (ending === undefined) return out;
  const reason = reasonIn(said);
  throw new CommandError(`${failed}: ${ending}${reason === undefined ? '' : ` (${reason})`}.`);
}

/** The line with the reason. npm and pnpm print a code first, then the reason, then where to find more. */
function reasonIn(said: string): string | undefined {
  const lines = said.split('\n').map((line) => line.trim());
  const errors = lines
    .filter((line) => /\berr(or)?\b/i.test(line))
    .map((line) => line.replace(/^npm (error|ERR!)\s*/i, ''))
    .filter((line) => line !== '' && !/^(code|errno|syscall|path)\b/.test(line));
  return errors[0] ?? lines.findLast((line) => line !== '');
}
