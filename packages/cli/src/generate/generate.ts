import { type GeneratedContract, generatedContracts } from '../contracts.ts';
import type { Project } from '../project.ts';
import { digestOf, readRecord, writeRecord } from './generated-record.ts';
import type { ProtoProblem } from './proto-problem.ts';
import { protoSources, sourceProblems } from './proto-sources.ts';

/** What was generated. */
export interface GenerateResult {
  /** All contracts of the project: as they are now, or as they were last where there are problems. */
  readonly contracts: readonly GeneratedContract[];
  /** The logical names of those of which something is different now. */
  readonly changed: readonly string[];
  /** What keeps .proto files from being compiled. When there is anything, nothing was written: the last good output stays. */
  readonly problems: readonly ProtoProblem[];
  /** What contracts say about calls and cannot mean, by the rules of `weft lint`. The code is there all the same. */
  readonly findings: readonly ProtoProblem[];
}

/** How to generate. */
export interface GenerateOptions {
  /** Only look: `changed` says what would be made anew, and nothing is written. Default: false. */
  readonly check?: boolean;
}

/**
 * Generates the contract packages of a project: code, descriptor sets and what belongs to them in package.json. When nothing has changed
 * it takes some 20 ms. `report` gets a line for each contract that is made anew.
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
  // Loaded only here: mostly nothing has changed.
  const { makeContracts } = await import('./make-contracts.ts');
  const made = await makeContracts(project, sources, record, { check, report });
  if ('problems' in made) return failed(made.problems);
  const { changed, code, findings } = made;
  if (!check) writeRecord(project, { digest: digestOf(project, sources), code, findings });
  return { contracts: generatedContracts(project), changed, problems: [], findings };
}
