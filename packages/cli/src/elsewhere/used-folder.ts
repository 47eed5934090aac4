import { existsSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { didYouMean } from '@weft/compiler/model/did-you-mean';
import { generatedContracts } from '../contracts.ts';
import { type Project, projectAt, servicePlaces } from '../project.ts';
import { projectFileName } from '../project-file.ts';
import { readServiceManifests } from '../service-manifests.ts';
import type { UsedServices, UsingProject } from './used-service.ts';

/** The project in a folder that another project uses. A string says what is wrong. Throws if its project file is invalid. */
export function projectInFolder(folder: string, { root }: Pick<UsingProject, 'root'>): Project | string {
  const directory = resolve(root, folder);
  if (!existsSync(directory)) return `folder ${folder} does not exist; check the project out there, or correct folder`;
  const isProject =
    existsSync(join(directory, projectFileName)) ||
    (existsSync(join(directory, 'proto')) && existsSync(join(directory, 'services')));
  return isProject ? projectAt(directory) : `${folder} is not a Weft project: it has no ${projectFileName}`;
}

/** The services of another project's checkout. They use its node_modules, namespaces and contracts. */
export function usedFolder(
  { folder, services: names }: { readonly folder: string; readonly services?: readonly string[] | undefined },
  user: UsingProject,
): UsedServices {
  const project = projectInFolder(folder, user);
  if (typeof project === 'string') return { services: [], problems: [project] };
  const { services, problems } = readServiceManifests({ ...servicePlaces(project), root: user.root });
  const contracts = generatedContracts(project);
  const wanted = services.filter(({ name }) => names === undefined || names.includes(name));
  const there = services.map(({ name }) => name);
  const unknown = (names ?? []).filter((name) => !there.includes(name));
  const path = [join(project.root, 'node_modules/.bin'), process.env.PATH ?? ''].join(delimiter);
  return {
    services: wanted.map((service) => ({
      ...service,
      env: { PATH: path, ...service.env },
      elsewhere: {
        what: `from ${folder}`,
        descriptorFile: contracts.find(({ logicalName }) => logicalName === service.contract)?.descriptorFile,
      },
    })),
    problems: [
      ...unknown.map((name) => {
        return `${folder} has no service ${name} that can run.${didYouMean(name, there)} It has ${there.join(', ') || 'none'}`;
      }),
      ...(names === undefined ? problems.map(({ file, message }) => `${file}: ${message}`) : []),
    ],
  };
}
