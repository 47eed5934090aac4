import { type GeneratedContract, generatedContracts } from '../contracts.ts';
import type { Project } from '../project.ts';
import { digestOf, readRecord, writeRecord } from './generated-record.ts';
import type { ProtoProblem } from './proto-problem.ts';
import { protoSources, sourceProblems } from './proto-sources.ts';

/** What was generated. */
export interface GenerateResult {
  /** All contracts of the project: as they are now, or the last good ones if there are problems. */
  readonly contracts: readonly GeneratedContract[];
  /** The logical names of the contracts that changed. */
  readonly changed: readonly string[];
  /** Why .proto files do not compile. If there are any problems, nothing was written and the last good output stays. */
  readonly problems: readonly ProtoProblem[];
  /** Contradictions in the contracts' policies, by the rules of `weft lint`. The code is generated anyway. */
  readonly findings: readonly ProtoProblem[];
}

/** How to generate. */
export interface GenerateOptions {
  /** Dry run: `changed` says what would be regenerated, and nothing is written. Default: false. */
  readonly check?: boolean;
}

/**
 * Generates the contract packages of a project: code, descriptor sets and their fields in package.json. Takes about 20 ms if nothing has
 * changed. `report` gets a line for each regenerated contract.
 */
export async function generate(
  project: Project,
  report: (line: string) => void,
  { check = false }: GenerateOptions = {},
): Promise<GenerateResult> {
  const sources = protoSources(project);
  const record = readRecord(project);
  if (record?.digest === digestOf(project, sources)) {
    return { contracts: generatedContracts(project), changed: [], problems: [], findings: record.findings };
  }
  const failed = (problems: readonly ProtoProblem[]): GenerateResult => {
    return { contracts: generatedContracts(project), changed: [], problems, findings: [] };
  };
  const wrong = sourceProblems(project, sources);
  if (wrong.length > 0) return failed(wrong);
  // Loaded only here, because usually nothing has changed.
  const { makeContracts } = await import('./make-contracts.ts');
  const made = await makeContracts(project, sources, record, { check, report });
  if ('problems' in made) return failed(made.problems);
  const { changed, code, findings } = made;
  if (!check) writeRecord(project, { digest: digestOf(project, sources), code, findings });
  return { contracts: generatedContracts(project), changed, problems: [], findings };
}
