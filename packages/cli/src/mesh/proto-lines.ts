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

// Contracts travel without the positions of their elements, so that a comment makes no new version. Whoever asks beside the sources
// has them.

// Field numbers of google/protobuf/descriptor.proto, of which SourceCodeInfo's paths are made.
const servicesOfFile = 6;
const methodsOfService = 2;
const optionsOfService = 3;
const optionsOfMethod = 4;

/**
 * Adds lines to the .proto files that an explanation names, "bakery/orders/v1/orders.proto:12", where the project has the very files
 * that the running contract was made of. Changes and returns `answer`; never rejects.
 */
export async function addProtoLines(answer: WhyResponse, project: Project): Promise<WhyResponse> {
  const known = new Map<string, Promise<readonly FileDescriptorProto[]>>();
  const placed = async (text: string, element: ContractElement | undefined): Promise<string> => {
    // One with a line has it in its words.
    if (element === undefined || element.line > 0) return text;
    const files = known.get(element.contractHash) ?? sourcesOf(element.contractHash, project).catch(() => []);
    known.set(element.contractHash, files);
    const line = lineOf(await files, element);
    if (line === undefined) return text;
    element.line = line;
    // By its contract with us, the text ends with the element's file.
    return `${text}:${line}`;
  };
  for (const { values } of answer.steps) {
    for (const value of values) value.source = await placed(value.source, value.element);
  }
  answer.advice = await placed(answer.advice, answer.adviceElement);
  return answer;
}

/** The line of an element, from 1; undefined when the files do not have it. */
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

/** The line of an element, or of the first part of it that has one. */
function lineAt(locations: readonly SourceCodeInfo_Location[], wanted: readonly number[]): number | undefined {
  const found = locations.find(({ path }) => wanted.every((part, index) => path[index] === part));
  const [line] = found?.span ?? [];
  return line === undefined ? undefined : line + 1;
}

/** The files of the contract with this hash, as the project's sources have them; none when they are others by now. */
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
