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

/** What becomes of the contracts of a project. */
export interface ContractPlan {
  readonly callers: CallersEdit;
  /** The call with which the new service shows how; undefined: it makes none. */
  readonly sample: SampleCall | undefined;
}

/**
 * Tries a new contract and the changes to those that it calls, beside the project. Throws a CommandError when they do not compile, so that
 * what is written then does.
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

/** The end of a command that needs contracts which compile. */
export function contractProblems(problems: readonly ProtoProblem[], root: string): CommandError {
  const lines = problems.map((problem) => problemLine(problem, root));
  return new CommandError(`The contracts do not compile; correct them first: ${lines.join('; ')}`);
}
