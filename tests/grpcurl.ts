import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** The real grpcurl: on PATH, or where .ci/run builds it; undefined where there is none. */
export function findGrpcurl(): string | undefined {
  const directories = (process.env.PATH ?? '').split(delimiter);
  directories.push(join(process.env.WEFT_CACHE ?? join(homedir(), '.cache/weft'), 'bin'));
  return directories
    .map((directory) => join(directory, 'grpcurl'))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Runs grpcurl as a person would and returns what it printed; rejects with its complaint. */
export async function grpcurl(path: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await execute(path, ['-plaintext', ...args], { timeout: 30_000 });
  return stdout;
}
