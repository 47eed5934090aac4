import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseServiceManifest, type ServiceManifest } from '../service-manifest.ts';
import { contractOfPackage, installedPackage, isPackageName } from './installed-package.ts';
import type { UsingProject } from './used-service.ts';

/** The service in an installed npm package. A string says what is wrong. */
export function usedPackage(name: string, project: UsingProject): ServiceManifest | string {
  if (!isPackageName(name))
    return `"${name}" is not the name of an npm package; expected a name such as "@bank/payments"`;
  const installed = installedPackage(name, project);
  if (!installed) return `${name} is not installed; run \`npm install ${name}\``;
  const { directory } = installed;
  const file = join(directory, 'weft.yaml');
  if (!existsSync(file)) return `${name} contains no service: it has no weft.yaml in its root`;
  const scope = /^@([^/]+)\//.exec(name)?.[1];
  const contracts = Object.keys({ ...installed.dependencies, ...installed.peerDependencies }).flatMap((dependency) => {
    const found = installedPackage(dependency, { directories: [directory, ...project.directories] });
    return (found && contractOfPackage(found)) ?? [];
  });
  const service = parseServiceManifest(readFileSync(file, 'utf8'), directory, {
    root: project.root,
    namespace: scope ?? project.namespace,
    contractOf: (own) => {
      const logicalName = `${scope ?? project.namespace}.${own}`.replaceAll('-', '_');
      return contracts.find((contract) => contract.logicalName === logicalName)?.logicalName;
    },
  });
  if ('message' in service) return `weft.yaml of ${name}: ${service.message}`;
  const { main, contract } = service;
  if (main !== undefined && /\.[cm]?ts$/.test(main)) {
    return `${name}: main in its weft.yaml is ${main}, and Node runs no TypeScript below node_modules; name the built JavaScript there`;
  }
  const descriptorFile = contracts.find(({ logicalName }) => logicalName === contract)?.descriptorFile;
  if (contract !== undefined && descriptorFile === undefined) {
    return `${name}: none of its dependencies is the contract package of ${contract}; add it to its package.json`;
  }
  return { ...service, file: join(name, basename(file)), elsewhere: { what: `the package ${name}`, descriptorFile } };
}
