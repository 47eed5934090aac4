import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { installedAt } from '../generate/installed-contracts.ts';
import type { UsingProject } from './used-service.ts';

const manifestSchema = z.object({
  weft: z.object({ contract: z.string().optional() }).optional(),
  dependencies: z.record(z.string(), z.string()).default({}),
  peerDependencies: z.record(z.string(), z.string()).default({}),
});

/** An installed npm package. */
export interface InstalledPackage extends z.infer<typeof manifestSchema> {
  readonly directory: string;
}

/** The contract in an installed package. */
export interface ContractOfPackage {
  /** "bank.payments". */
  readonly logicalName: string;
  readonly descriptorFile: string;
}

/** Whether npm could install a package of this name. A path or an address is none. */
export function isPackageName(name: string): boolean {
  return /^(@[a-z0-9~_-][a-z0-9._~-]*\/)?[a-z0-9~_-][a-z0-9._~-]*$/i.test(name);
}

/** A package that a project or one of its services has installed, or undefined. Throws if its package.json cannot be read. */
export function installedPackage(
  name: string,
  { directories }: Pick<UsingProject, 'directories'>,
): InstalledPackage | undefined {
  for (const from of directories) {
    const directory = installedAt(name, from);
    if (directory === undefined) continue;
    return { directory, ...manifestSchema.parse(JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))) };
  }
  return undefined;
}

/** The contract in a package; undefined: it is not a contract package, or was not generated. */
export function contractOfPackage({ directory, weft }: InstalledPackage): ContractOfPackage | undefined {
  const descriptorFile = join(directory, 'descriptor.binpb');
  if (weft?.contract === undefined || !existsSync(descriptorFile)) return undefined;
  return { logicalName: weft.contract, descriptorFile };
}
