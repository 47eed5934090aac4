import { execFile } from 'node:child_process';
import { basename } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** What a command printed to stdout. Rejects with the command's own words when it fails. */
export async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    return (await execute(command, args, { cwd, maxBuffer: 64 << 20 })).stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    const said = `${stdout}${stderr}`.trim() || String(error);
    throw new Error(`${basename(command)} failed in ${cwd}:\n${said}`, { cause: error });
  }
}
