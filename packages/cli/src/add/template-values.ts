import { basename, dirname, join, relative } from 'node:path';
import { contractFolder, contractPackageName } from '../generate/contract-package.ts';
import type { InstalledContract } from '../generate/installed-contracts.ts';
import { type PackageManager, weftCommand } from '../package-manager.ts';
import type { Project } from '../project.ts';
import { version } from '../version.ts';
import type { TemplateValues } from './render-template.ts';
import type { SampleCall, SampleRequest } from './sample-call.ts';
import { camelCase, type ServiceNames } from './service-names.ts';
import type { NewPlaces } from './service-places.ts';

/** The properties of a project that a new service's files mention. */
export interface TemplateSurroundings {
  readonly project: Project;
  readonly places: NewPlaces;
  readonly packageManager: PackageManager;
  readonly installed: readonly InstalledContract[];
}

const defaultDeadlineSeconds = 5;

/** The values that fill the templates of contracts and services. */
export function templateValues(
  { project, places, packageManager, installed }: TemplateSurroundings,
  names: ServiceNames,
  service: { readonly database: boolean; readonly calls: readonly string[] },
  sample: SampleCall | undefined,
): TemplateValues {
  const descriptors = [names.logicalName, ...service.calls].map((logicalName) =>
    descriptorPath(project, places.folder, logicalName, installed),
  );
  const seconds = Math.max(defaultDeadlineSeconds, Math.ceil((sample?.deadlineMs ?? 0) / 1_000));
  return {
    words: {
      project: project.name,
      service: names.service,
      logical: names.logicalName,
      file: names.file,
      schema: names.file,
      Service: names.pascal,
      camel: names.camel,
      contract_package: contractPackageName(project.name, names.logicalName),
      contract_link: relative(places.folder, places.contract),
      own_path: dirname(places.importPath),
      root_link: relative(places.folder, project.root),
      descriptors: descriptors.map((path) => JSON.stringify(path)).join(', '),
      // The mesh itself restarts a service whose own contract changes.
      watched_descriptors: descriptors
        .slice(1)
        .map((path) => `, ${JSON.stringify(path)}`)
        .join(''),
      descriptor_words: descriptors.map((path) => `'${path}'`).join(' '),
      buf_inputs: descriptors
        .map((path) => `  - {binary_image: ${JSON.stringify(path)}, exclude_paths: [google]}`)
        .join('\n'),
      callee_logicals: service.calls.join(', '),
      deadline_seconds: String(seconds),
      weft_version: version,
      weft_command: weftCommand[packageManager],
      ...(sample === undefined ? {} : sampleWords(project, names, sample, installed)),
    },
    flags: {
      database: service.database,
      calls: sample !== undefined,
      // The handlers are given something.
      injected: service.database || sample !== undefined,
      ...requestFlags(sample?.request),
      // The request's type is not in the callee's package.
      foreign_request: sample !== undefined && dirname(sample.request.file) !== dirname(sample.file),
      // If the name follows from the folder's name, weft.yaml can omit it.
      named_contract: names.logicalName !== `${project.name}.${names.service}`,
    },
  };
}

/** Which of the ways to write a request applies. An open one is left to the user. */
function requestFlags(request: SampleRequest | undefined) {
  const example = request?.example;
  return {
    open_request: request !== undefined && example === undefined,
    filled_request: example !== undefined && Object.keys(example).length > 0,
    json_request: example !== undefined && request?.literal === undefined,
  };
}

function sampleWords(
  project: Project,
  names: ServiceNames,
  { callee, service, method, rpc, file, request, version: protoVersion }: SampleCall,
  installed: readonly InstalledContract[],
) {
  const lastPart = callee.slice(callee.lastIndexOf('.') + 1);
  // Both contracts may have a class of this name.
  const isTaken = service === `${names.pascal}Service`;
  const className = isTaken ? `Other${service}` : service;
  const packageName = contractPackageOf(project, callee, installed);
  return {
    callee: camelCase(lastPart),
    callee_logical: callee,
    callee_method: method,
    callee_service: service,
    callee_rpc: rpc,
    callee_path: dirname(file),
    callee_module: dirname(file).replaceAll('/', '.'),
    callee_module_name: basename(file),
    callee_request: request.name,
    request: requestFlags(request).json_request ? 'request' : (request.literal ?? '{}'),
    request_json: JSON.stringify(request.example ?? {}),
    // A JSON string is one of Python and Go, too.
    request_json_string: JSON.stringify(JSON.stringify(request.example ?? {})),
    callee_request_go: request.name.replaceAll('.', '_'),
    request_module: dirname(request.file).replaceAll('/', '.'),
    request_module_name: basename(request.file),
    // Google's types have their own modules; all others are generated into the service's.
    request_go_package: request.file.startsWith('google/')
      ? request.goPackage
      : `${project.name}/${names.service}/gen/${dirname(request.file)}`,
    callee_package: protoVersion === '' ? packageName : `${packageName}/${protoVersion}`,
    Callee: className,
    Callee_import: isTaken ? `${service} as ${className}` : service,
  };
}

/** The npm package of a contract: an installed package, or else the project's own. */
export function contractPackageOf(
  project: Pick<Project, 'name'>,
  logicalName: string,
  installed: readonly InstalledContract[],
): string {
  const other = installed.find((each) => each.logicalName === logicalName);
  return other?.packageName ?? contractPackageName(project.name, logicalName);
}

/** The path of a contract's descriptor set from a service's folder: in an installed package, or else where the project generates it. */
function descriptorPath(
  { name, generatedDir }: Pick<Project, 'name' | 'generatedDir'>,
  folder: string,
  logicalName: string,
  installed: readonly InstalledContract[],
): string {
  const other = installed.find((each) => each.logicalName === logicalName);
  return relative(
    folder,
    join(other?.directory ?? join(generatedDir, contractFolder(name, logicalName)), 'descriptor.binpb'),
  );
}
