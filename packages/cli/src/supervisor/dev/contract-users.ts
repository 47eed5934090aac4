import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { ServiceManifest } from '../../service-manifest.ts';
import type { ChangedContract } from './dev-contracts.ts';

const packageSchema = z.object({
  dependencies: z.record(z.string(), z.string()).default({}),
  devDependencies: z.record(z.string(), z.string()).default({}),
  peerDependencies: z.record(z.string(), z.string()).default({}),
});

/**
 * Whether a changed contract requires a restart of a service: the service serves it, or its package.json names the contract's package. A
 * service without its own package.json may use any contract. (A contract changes with those that it imports.)
 */
export function usesContract(service: ServiceManifest, { logicalName, packageName }: ChangedContract): boolean {
  if (service.contract === logicalName) return true;
  const file = join(service.directory, 'package.json');
  if (!existsSync(file)) return service.command === undefined;
  try {
    const { dependencies, devDependencies, peerDependencies } = packageSchema.parse(
      JSON.parse(readFileSync(file, 'utf8')),
    );
    return packageName in { ...dependencies, ...devDependencies, ...peerDependencies };
  } catch {
    // The file is still being written.
    return true;
  }
}
