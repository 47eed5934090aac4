import { clone, type Message, toBinary } from '@bufbuild/protobuf';
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  type ServiceDescriptorProto,
} from '@bufbuild/protobuf/wkt';
import { filesOf } from '@weft/compiler/contracts/descriptor-set';
import { isExposed } from '@weft/compiler/model/method';
import type { Service } from '@weft/compiler/model/service';
import { declarationsOf } from '@weft/service-kit/declarations';

/** The proto files of a mesh as callers outside may see them. */
export interface ExposedFiles {
  /** Full names of services with at least one exposed method. */
  readonly services: readonly string[];
  /** By name ("shop/orders/v1/orders.proto"), ready to send. */
  readonly files: ReadonlyMap<string, ExposedFile>;
  /** The file that declares a name; see declarationsOf(). */
  readonly fileOfSymbol: ReadonlyMap<string, string>;
  /** The file that declares an extension, by extended message and number. */
  readonly extensions: ReadonlyMap<string, ReadonlyMap<number, string>>;
}

export interface ExposedFile {
  readonly bytes: Uint8Array;
  readonly imports: readonly string[];
}

/** The options of weft.policy.v1: who may call is nobody's business outside. */
const policyFieldNumber = 50717;
const policyFile = 'weft/policy/v1/policy.proto';

/**
 * Collects the files of the contracts of these services, without methods that are not exposed, services without any method left,
 * policies and comments. Where versions of a contract differ, the file with the most exposed methods counts.
 */
export function exposedFiles(services: readonly Service[]): ExposedFiles {
  const exposed = new Set(services.flatMap(exposedPaths));
  const chosen = new Map<string, { file: FileDescriptorProto; methods: number }>();
  for (const service of services) {
    for (const version of service.versions.values()) {
      if (![...version.methods.keys()].some((path) => exposed.has(path))) continue;
      for (const original of filesOf(version.descriptorSet)) {
        const { file, methods } = strip(original, exposed);
        if (methods >= (chosen.get(file.name)?.methods ?? -1)) chosen.set(file.name, { file, methods });
      }
    }
  }
  const reachable = reachableFiles(chosen);
  const names: string[] = [];
  const files = new Map<string, ExposedFile>();
  const fileOfSymbol = new Map<string, string>();
  const extensions = new Map<string, Map<number, string>>();
  for (const file of reachable) {
    files.set(file.name, { bytes: toBinary(FileDescriptorProtoSchema, file), imports: file.dependency });
    const declared = declarationsOf(file);
    for (const name of declared.names) fileOfSymbol.set(name, file.name);
    for (const { name } of file.service) names.push(qualify(file.package, name));
    for (const { extendee, number } of declared.extensions)
      extensions.set(extendee, (extensions.get(extendee) ?? new Map()).set(number, file.name));
  }
  return { services: names.sort(), files, fileOfSymbol, extensions };
}

/** All that `exposedFiles` takes of a service, as text: equal texts give equal files. Costs as much as the service is large, once. */
export function exposedMark(service: Service): string {
  const mark = marks.get(service) ?? [service.id, ...service.versions.keys(), ...exposedPaths(service)].join(' ');
  marks.set(service, mark);
  return mark;
}

const marks = new WeakMap<Service, string>();

function exposedPaths({ methods }: Service): string[] {
  return [...methods.values()].flatMap((method) => (isExposed(method) ? method.path : []));
}

function strip(
  original: FileDescriptorProto,
  exposed: ReadonlySet<string>,
): { file: FileDescriptorProto; methods: number } {
  const file = clone(FileDescriptorProtoSchema, original);
  delete file.sourceCodeInfo;
  let methods = 0;
  const services: ServiceDescriptorProto[] = [];
  for (const service of file.service) {
    const path = `/${qualify(file.package, service.name)}/`;
    service.method = service.method.filter((method) => exposed.has(path + method.name));
    if (service.method.length === 0) continue;
    methods += service.method.length;
    dropPolicy(service.options);
    for (const method of service.method) dropPolicy(method.options);
    services.push(service);
  }
  file.service = services;
  const messages = [...file.messageType];
  for (let message = messages.pop(); message !== undefined; message = messages.pop()) {
    for (const field of message.field) dropPolicy(field.options);
    messages.push(...message.nestedType);
  }
  // Nothing uses it any more. Files that number their imports (import public) keep it: it says nothing about a mesh.
  if (file.publicDependency.length === 0 && file.weakDependency.length === 0) {
    file.dependency = file.dependency.filter((name) => name !== policyFile);
  }
  return { file, methods };
}

function dropPolicy(options: Message | undefined): void {
  if (options?.$unknown) options.$unknown = options.$unknown.filter((field) => field.no !== policyFieldNumber);
}

/** Files with an exposed service, and what they import, in the order of their names. */
function reachableFiles(chosen: ReadonlyMap<string, { file: FileDescriptorProto }>): FileDescriptorProto[] {
  const found = new Map<string, FileDescriptorProto>();
  const open = [...chosen.values()].filter(({ file }) => file.service.length > 0);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { file } = next;
    if (found.has(file.name)) continue;
    found.set(file.name, file);
    for (const name of file.dependency) open.push(...[chosen.get(name)].filter((imported) => imported !== undefined));
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function qualify(protoPackage: string, name: string): string {
  return protoPackage === '' ? name : `${protoPackage}.${name}`;
}
