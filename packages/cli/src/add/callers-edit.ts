import { readFileSync } from 'node:fs';
import type { FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import { isToolPackage, logicalNameOf } from '@weft/compiler/contracts/logical-name';
import { didYouMean } from '@weft/compiler/model/did-you-mean';
import { CommandError } from '../command-error.ts';
import type { ProtoFile } from '../generate/proto-files.ts';
import { addCaller } from './add-caller.ts';

/** The contracts that a new service calls, and the edits to their .proto files. */
export interface CallersEdit {
  /** The new text of each changed file, by import path. */
  readonly files: ReadonlyMap<string, string>;
  /** What the user has to do, in sentences. */
  readonly advice: readonly string[];
}

/**
 * Adds `caller` to the callers of each contract in `callees`. Throws a CommandError for a name that no contract has. If a file belongs to
 * another project, or its policy has an unknown form, the advice says which line to add.
 */
export function editCallers(
  caller: string,
  callees: readonly string[],
  compiled: readonly FileDescriptorProto[],
  own: readonly ProtoFile[],
): CallersEdit {
  const contracts = new Map<string, FileDescriptorProto[]>();
  for (const file of compiled) {
    const name = logicalNameOf(file.package);
    if (file.service.length > 0 && !isToolPackage(name)) contracts.set(name, [...(contracts.get(name) ?? []), file]);
  }
  const ownFiles = new Map(own.map((file) => [file.importPath, file]));
  const files = new Map<string, string>();
  const advice: string[] = [];
  for (const callee of callees) {
    const contract = contracts.get(callee);
    if (contract === undefined) throw unknownCallee(callee, [...contracts.keys()]);
    for (const file of contract) {
      const source = ownFiles.get(file.name);
      for (const service of file.service) {
        const before = files.get(file.name) ?? (source === undefined ? undefined : readFileSync(source.path, 'utf8'));
        const after = before === undefined ? undefined : addCaller(before, service.name, caller);
        if (after === undefined) {
          const place = source === undefined ? `${file.name}, whose owner decides who calls it` : source.path;
          advice.push(
            `Add to service ${service.name} in ${place}: option (weft.policy.v1.service) = {callers: ["${caller}"]};`,
          );
        } else if (after !== before) {
          files.set(file.name, after);
        }
      }
    }
  }
  return { files, advice };
}

function unknownCallee(name: string, known: readonly string[]): CommandError {
  const short = known.find((each) => each.endsWith(`.${name}`));
  const near = short === undefined ? didYouMean(name, known) : ` Did you mean ${short}?`;
  const all =
    known.length === 0 ? 'this project has no contract yet' : `the contracts here are ${[...known].sort().join(', ')}`;
  return new CommandError(
    `No contract is named ${name}.${near || ` A contract is named by its proto package without the version; ${all}.`}`,
  );
}
