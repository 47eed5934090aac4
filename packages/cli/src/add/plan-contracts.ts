import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filesOf } from '@weft/compiler/contracts/descriptor-set';
import { CommandError } from '../command-error.ts';
import { compileProtos } from '../generate/compile-protos.ts';
import type { ProtoFile } from '../generate/proto-files.ts';
import { type ProtoProblem, problemLine } from '../generate/proto-problem.ts';
import type { ProtoSources } from '../generate/proto-sources.ts';
import { type CallersEdit, editCallers } from './callers-edit.ts';
import { type SampleCall, sampleCall } from './sample-call.ts';

/** A contract that does not exist yet. */
export interface NewContract {
  readonly logicalName: string;
  readonly importPath: string;
  readonly text: string;
}

/** The planned changes to a project's contracts. */
export interface ContractPlan {
  readonly callers: CallersEdit;
  /** The sample call that the new service makes; undefined: none. */
  readonly sample: SampleCall | undefined;
}

/**
 * Compiles a new contract and the changes to the contracts that it calls, outside the project. Throws a CommandError if they do not
 * compile, so that only working contracts are written.
 */
export async function planContracts(
  root: string,
  sources: ProtoSources,
  contract: NewContract,
  calls: readonly string[],
): Promise<ContractPlan> {
  const compiled = await compile(root, sources.own, sources);
  const callers = editCallers(contract.logicalName, calls, filesOf(compiled), sources.own);
  const changed = new Map([...callers.files, [contract.importPath, contract.text]]);
  const scratch = await mkdtemp(join(tmpdir(), 'weft-add-'));
  try {
    const copies: ProtoFile[] = [];
    for (const [importPath, text] of changed) {
      const path = join(scratch, `${copies.length}.proto`);
      await writeFile(path, text);
      copies.push({ importPath, path });
    }
    const unchanged = sources.own.filter(({ importPath }) => !changed.has(importPath));
    const planned = await compile(root, [...unchanged, ...copies], sources);
    const samples = calls.map((callee) => sampleCall(planned, callee, contract.logicalName));
    return { callers, sample: samples.find((sample) => sample !== undefined) };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function compile(root: string, own: readonly ProtoFile[], { imported }: ProtoSources): Promise<Uint8Array> {
  const compiled = await compileProtos(own, imported);
  if ('problems' in compiled) throw contractProblems(compiled.problems, root);
  return compiled.descriptorSet;
}

/** The error of a command whose contracts do not compile. */
export function contractProblems(problems: readonly ProtoProblem[], root: string): CommandError {
  const lines = problems.map((problem) => problemLine(problem, root));
  return new CommandError(`The contracts do not compile; fix them first: ${lines.join('; ')}`);
}
