import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { CommandError } from '../command-error.ts';
import { type Project, servicePlaces } from '../project.ts';
import { isReservedSchema } from '../schema-name.ts';
import { readServiceManifests } from '../service-manifests.ts';
import type { ServiceNames } from './service-names.ts';

/** Where the parts of a new service go. Every path is absolute. */
export interface NewPlaces {
  readonly folder: string;
  /** Its .proto file. */
  readonly contract: string;
  /** Its import path: "bakery/cart/v1/cart.proto". */
  readonly importPath: string;
}

/** Where a new service goes. Throws a CommandError if a path exists, the name is taken, or PostgreSQL reserves the name of its schema. */
export function newPlaces(project: Project, names: ServiceNames, options: { readonly database: boolean }): NewPlaces {
  if (options.database && isReservedSchema(names.file)) {
    throw new CommandError(
      `PostgreSQL reserves the schema ${names.file}; choose a name other than ${names.service}, or leave out --database.`,
    );
  }
  const [services, contracts] = [project.servicesDirs[0], project.contractsDirs[0]];
  if (services === undefined || contracts === undefined) throw new CommandError('The project file names no folders.');
  const importPath = `${names.logicalName.replaceAll('.', '/')}/v1/${names.file}.proto`;
  const places = { folder: join(services, names.service), contract: join(contracts, importPath), importPath };
  for (const path of [places.folder, places.contract]) {
    if (!existsSync(path)) continue;
    throw new CommandError(
      `${relative(project.root, path)} already exists; choose a name other than ${names.service}.`,
    );
  }
  for (const { name, contract, schema, file } of readServiceManifests(servicePlaces(project)).services) {
    const taken =
      (name === names.service && `the name ${name}`) ||
      (contract === names.logicalName && `the contract ${contract}`) ||
      (options.database && schema === names.file && `the schema ${schema}`);
    if (taken) throw new CommandError(`${file} already has ${taken}; choose a name other than ${names.service}.`);
  }
  return places;
}
