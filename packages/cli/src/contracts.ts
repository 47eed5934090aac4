import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Project } from './project.ts';

/** A contract of the project, as last generated. */
export interface GeneratedContract {
  /** "bakery.orders". */
  readonly logicalName: string;
  /** "@bakery/orders-contract". */
  readonly packageName: string;
  /** Its package, absolute. */
  readonly directory: string;
  /** Its FileDescriptorSet, absolute. */
  readonly descriptorFile: string;
}

/** The generated contracts of a project, by logical name. */
export function generatedContracts({ generatedDir }: Pick<Project, 'generatedDir'>): GeneratedContract[] {
  return globSync('*/package.json', { cwd: generatedDir })
    .flatMap((file) => {
      const { name, weft } = JSON.parse(readFileSync(join(generatedDir, file), 'utf8'));
      const directory = dirname(join(generatedDir, file));
      const descriptorFile = join(directory, 'descriptor.binpb');
      if (weft?.contract === undefined || !existsSync(descriptorFile)) return [];
      return [{ logicalName: weft.contract, packageName: name, directory, descriptorFile }];
    })
    .sort((a, b) => (a.logicalName < b.logicalName ? -1 : 1));
}
