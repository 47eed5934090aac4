import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { DevPostgresError, explainFailure } from './dev-postgres-error.ts';
import { commandAs, type RunAs, userInPlaceOfRoot } from './run-as.ts';

/** The major version of the packaged PostgreSQL. */
export const majorVersion = '18';

/** A data directory that is ready for a server. */
export interface DataDirectory {
  readonly path: string;
  /** Whom the files belong to, when this process is root. */
  readonly user: RunAs | undefined;
  readonly adminPassword: string;
}

const passwordFile = 'weft-admin-password';

/**
 * Opens a data directory; makes it where there is none. Making one is all or nothing, so an initdb that was killed leaves
 * none behind.
 *
 * @throws DevPostgresError for another major version, another owner or a full disk.
 */
export async function openDataDirectory(binaries: Binaries, path: string): Promise<DataDirectory> {
  const version = await readFile(join(path, 'PG_VERSION'), 'utf8').catch(ignoreMissing);
  if (version === undefined) return createDataDirectory(binaries, path);
  if (version.trim() !== majorVersion) {
    throw new DevPostgresError(
      `${path} was made by PostgreSQL ${version.trim()} and this is ${majorVersion}: dump it with the old one, or remove it to begin anew`,
    );
  }
  const owner = await stat(path);
  const uid = process.getuid?.();
  if (uid !== undefined && uid !== 0 && owner.uid !== uid) {
    throw new DevPostgresError(
      `${path} belongs to user ${owner.uid}, but this is user ${uid}: use the same user each time, or remove it to begin anew`,
    );
  }
  const adminPassword = await readFile(join(path, passwordFile), 'utf8').catch(ignoreMissing);
  if (adminPassword === undefined) {
    throw new DevPostgresError(
      `${path} has no ${passwordFile}: it was not made by this package; choose another directory`,
    );
  }
  return { path, user: uid === 0 ? { uid: owner.uid, gid: owner.gid } : undefined, adminPassword };
}

async function createDataDirectory(binaries: Binaries, path: string): Promise<DataDirectory> {
  const existing = await stat(path).catch(ignoreMissing);
  const user = await userInPlaceOfRoot();
  const adminPassword = randomBytes(24).toString('base64url');
  await mkdir(dirname(path), { recursive: true });
  const draft = join(dirname(path), `.${basename(path)}.${process.pid}.new`);
  const passwordInput = `${draft}.password`;
  try {
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft, { mode: 0o700 });
    await writeFile(passwordInput, adminPassword, { mode: 0o600 });
    if (user) {
      await chown(draft, user.uid, user.gid);
      await chown(passwordInput, user.uid, user.gid);
    }
    await initdb(binaries, draft, path, passwordInput, user);
    await rename(passwordInput, join(draft, passwordFile));
    // Only an empty directory can be replaced, so nobody's files are lost.
    if (existing) await rename(draft, path).catch((cause) => Promise.reject(notEmpty(path, cause)));
    else await rename(draft, path);
  } catch (error) {
    if (isNoSpace(error)) throw explainFailure('initdb', String(error), path, 0);
    throw error;
  } finally {
    await rm(draft, { recursive: true, force: true });
    await rm(passwordInput, { force: true });
  }
  return { path, user, adminPassword };
}

async function initdb(binaries: Binaries, draft: string, path: string, passwordInput: string, user: RunAs | undefined) {
  const args = [
    `--pgdata=${draft}`,
    '--username=postgres',
    `--pwfile=${passwordInput}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // The same order and case rules on every operating system.
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
    // A server that was killed leaves torn pages only on broken disks; this tells.
    '--data-checksums',
  ];
  const command = await commandAs(user, binaries.initdb, args, [draft]);
  const child = spawn(command.file, command.args, { ...command.options, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  const code = await new Promise<number | null>((resolve) => {
    child.on('error', (error) => {
      output += `error: ${error.message}`;
      resolve(null);
    });
    child.on('close', resolve);
  });
  if (code !== 0) throw explainFailure('initdb', output.replaceAll(draft, path), path, 0);
}

function notEmpty(path: string, cause: unknown): DevPostgresError {
  return new DevPostgresError(`${path} is not empty and not a PostgreSQL data directory; choose another`, { cause });
}

function isNoSpace(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
