import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  type SourceCodeInfo_Location,
} from '@bufbuild/protobuf/wkt';
import type { WhyResponse } from '@weft/contracts/weft/api/v1/mesh';
import { method as methodPolicy, service as servicePolicy } from '@weft/contracts/weft/policy/v1/policy';
import { buildContractTree } from '../contract-tree.ts';
import type { Project } from '../project.ts';
import { contractHash } from './contract-hash.ts';

// Contracts travel without the positions of their elements, so that a comment makes no new version. Whoever asks beside the sources
// has them.

// Field numbers of google/protobuf/descriptor.proto, of which SourceCodeInfo's paths are made.
const servicesOfFile = 6;
const methodsOfService = 2;
const optionsOfService = 3;
const optionsOfMethod = 4;

/**
 * Adds lines to the .proto files that an explanation names, "shop/orders/v1/orders.proto:12", where the project has the very files
 * that the running contract was made of. Changes and returns `answer`; never rejects.
 */
export async function addProtoLines(answer: WhyResponse, project: Project): Promise<WhyResponse> {
  const route = answer.steps.find(({ name }) => name === 'route')?.summary ?? '';
  const [, service = '', method = ''] = /\/([\w.]+)\/(\w+)/.exec(route) ?? [];
  const policy = answer.steps.find(({ name }) => name === 'policy');
  const contract = policy?.values.find(({ name }) => name === 'contract');
  const files = contract && (await sourcesOf(contract.value, project).catch(() => undefined));
  if (files === undefined) return answer;
  const lines = linesOf(files, service, method);
  if (lines === undefined) return answer;
  for (const { values } of answer.steps) {
    for (const value of values) value.source = withLine(value.source, lines);
  }
  answer.advice = withLine(answer.advice, lines);
  return answer;
}

interface Lines {
  readonly file: string;
  readonly method: number | undefined;
  readonly methodOption: number | undefined;
  readonly serviceOption: number | undefined;
}

function withLine(text: string, { file, method, methodOption, serviceOption }: Lines): string {
  const line = text.includes('(weft.policy.v1.service)')
    ? serviceOption
    : text.includes('(weft.policy.v1.method)')
      ? (methodOption ?? method)
      : method;
  return line === undefined || text.includes(`${file}:`) ? text : text.replace(file, `${file}:${line}`);
}

function linesOf(files: readonly FileDescriptorProto[], serviceName: string, methodName: string): Lines | undefined {
  for (const { name, package: protoPackage, service, sourceCodeInfo } of files) {
    const at = service.findIndex((candidate) => `${protoPackage}.${candidate.name}` === serviceName);
    if (at < 0) continue;
    const method = service[at]?.method.findIndex((candidate) => candidate.name === methodName) ?? -1;
    const line = (...wanted: number[]) => lineAt(sourceCodeInfo?.location ?? [], wanted);
    const ofService = [servicesOfFile, at];
    const ofMethod = [...ofService, methodsOfService, method];
    return {
      file: name,
      method: line(...ofMethod),
      methodOption: line(...ofMethod, optionsOfMethod, methodPolicy.number),
      serviceOption: line(...ofService, optionsOfService, servicePolicy.number),
    };
  }
  return undefined;
}

/** The line of an element, or of the first part of it that has one. */
function lineAt(locations: readonly SourceCodeInfo_Location[], wanted: readonly number[]): number | undefined {
  const found = locations.find(({ path }) => wanted.every((part, index) => path[index] === part));
  const [line] = found?.span ?? [];
  return line === undefined ? undefined : line + 1;
}

/** The files of the contract with this hash, as the project's sources have them; undefined when they are others by now. */
async function sourcesOf(hash: string, project: Project): Promise<FileDescriptorProto[] | undefined> {
  const { root, descriptorsDir } = project;
  const sets = existsSync(descriptorsDir) ? readdirSync(descriptorsDir).map((name) => join(descriptorsDir, name)) : [];
  const running = sets.map((path) => readFileSync(path)).find((set) => contractHash(set) === hash);
  if (running === undefined) return undefined;
  const built = fromBinary(FileDescriptorSetSchema, await buildContractTree(root, { directory: root }));
  const sources = new Map(built.file.map((file) => [file.name, file]));
  return fromBinary(FileDescriptorSetSchema, running).file.flatMap((file) => {
    const source = sources.get(file.name);
    return source && withoutPositions(source) === withoutPositions(file) ? [source] : [];
  });
}

function withoutPositions({ sourceCodeInfo: _, ...file }: FileDescriptorProto): string {
  return Buffer.from(toBinary(FileDescriptorProtoSchema, file)).toString('base64');
}
