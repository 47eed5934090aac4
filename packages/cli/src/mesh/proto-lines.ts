import { readFileSync } from 'node:fs';
import { toBinary } from '@bufbuild/protobuf';
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  type SourceCodeInfo_Location,
} from '@bufbuild/protobuf/wkt';
import type { ContractElement, WhyResponse } from '@weft/api/weft/api/v1/mesh';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { filesOf } from '@weft/compiler/contracts/descriptor-set';
import { method as methodPolicy, service as servicePolicy } from '@weft/policy/weft/policy/v1/policy';
import { buildContractTree } from '../contract-tree.ts';
import { generatedContracts } from '../contracts.ts';
import type { Project } from '../project.ts';

// Published contracts have no source positions, so that a changed comment makes no new version. A command that runs beside the
// sources can look the positions up.

// Field numbers of google/protobuf/descriptor.proto, which make up the paths in SourceCodeInfo.
const servicesOfFile = 6;
const methodsOfService = 2;
const optionsOfService = 3;
const optionsOfMethod = 4;

/**
 * Adds line numbers to the .proto files that an explanation names, "bakery/orders/v1/orders.proto:12", if the project has exactly the files
 * of the running contract. Changes and returns `answer`; never rejects.
 */
export async function addProtoLines(answer: WhyResponse, project: Project): Promise<WhyResponse> {
  const known = new Map<string, Promise<readonly FileDescriptorProto[]>>();
  const placed = async (text: string, element: ContractElement | undefined): Promise<string> => {
    // A file with a line already includes it.
    if (element === undefined || element.line > 0) return text;
    const files = known.get(element.contractHash) ?? sourcesOf(element.contractHash, project).catch(() => []);
    known.set(element.contractHash, files);
    const line = lineOf(await files, element);
    if (line === undefined) return text;
    element.line = line;
    // weft.api.v1 promises that the text ends with the element's file.
    return `${text}:${line}`;
  };
  for (const { values } of answer.steps) {
    for (const value of values) value.source = await placed(value.source, value.element);
  }
  answer.advice = await placed(answer.advice, answer.adviceElement);
  return answer;
}

/** The line of an element, starting at 1; undefined if the files do not have it. */
function lineOf(files: readonly FileDescriptorProto[], element: ContractElement): number | undefined {
  for (const { package: protoPackage, service, sourceCodeInfo } of files) {
    const at = service.findIndex((candidate) => `${protoPackage}.${candidate.name}` === element.service);
    if (at < 0) continue;
    const line = (...wanted: number[]) => lineAt(sourceCodeInfo?.location ?? [], wanted);
    const ofService = [servicesOfFile, at];
    if (element.method === '') {
      return element.isOption ? line(...ofService, optionsOfService, servicePolicy.number) : line(...ofService);
    }
    const method = service[at]?.method.findIndex((candidate) => candidate.name === element.method) ?? -1;
    const ofMethod = [...ofService, methodsOfService, method];
    const option = element.isOption ? line(...ofMethod, optionsOfMethod, methodPolicy.number) : undefined;
    return option ?? line(...ofMethod);
  }
  return undefined;
}

/** The line of an element, or of its first part that has one. */
function lineAt(locations: readonly SourceCodeInfo_Location[], wanted: readonly number[]): number | undefined {
  const found = locations.find(({ path }) => wanted.every((part, index) => path[index] === part));
  const [line] = found?.span ?? [];
  return line === undefined ? undefined : line + 1;
}

/** The files of the contract with this hash from the project's sources; none if the sources have changed. */
async function sourcesOf(hash: string, project: Project): Promise<readonly FileDescriptorProto[]> {
  const sets = generatedContracts(project).map(({ descriptorFile }) => readFileSync(descriptorFile));
  const running = sets.find((set) => contractHash(set) === hash);
  if (running === undefined) return [];
  const built = filesOf(await buildContractTree(project, { directory: project.root }));
  const sources = new Map(built.map((file) => [file.name, file]));
  return filesOf(running).flatMap((file) => {
    const source = sources.get(file.name);
    return source && withoutPositions(source) === withoutPositions(file) ? [source] : [];
  });
}

function withoutPositions({ sourceCodeInfo: _, ...file }: FileDescriptorProto): string {
  return Buffer.from(toBinary(FileDescriptorProtoSchema, file)).toString('base64');
}
