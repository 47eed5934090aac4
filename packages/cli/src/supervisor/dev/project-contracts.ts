import { reasonOf } from '../../command-error.ts';
import { buildContractTree } from '../../contract-tree.ts';
import { generate } from '../../generate/index.ts';
import { problemLine } from '../../generate/proto-problem.ts';
import type { Project } from '../../project.ts';
import type { ContractChange, DevContracts } from './dev-contracts.ts';

/** The contracts of a project, generated and compared as `weft generate`, `weft lint` and `weft diff` do. */
export class ProjectContracts implements DevContracts {
  readonly #project: Project;
  /** The descriptor set of all that was applied last; undefined: it did not compile. */
  #applied: Uint8Array | undefined;

  /** The contracts as they are now, with which the next ones are compared. */
  static async of(project: Project): Promise<ProjectContracts> {
    return new ProjectContracts(
      project,
      await buildContractTree(project, { directory: project.root }).catch(() => undefined),
    );
  }

  private constructor(project: Project, applied: Uint8Array | undefined) {
    this.#project = project;
    this.#applied = applied;
  }

  async update(): Promise<ContractChange> {
    const project = this.#project;
    const { contracts, changed, problems } = await generate(project, () => {});
    if (problems.length > 0) return unchanged(problems.map((problem) => problemLine(problem, project.root)));
    let now: Uint8Array;
    try {
      now = await buildContractTree(project, { directory: project.root });
    } catch (error) {
      return unchanged([reasonOf(error)]);
    }
    const { diff, diffText, lint } = await import('@weft/compiler');
    const before = this.#applied ?? now;
    this.#applied = now;
    const difference = diff({ descriptorSet: before }, { descriptorSet: now }, Date.now());
    const { problemWords } = await import('@weft/compiler/model/problem');
    const found = lint(now, { closed: true });
    return {
      problems: [],
      changed: contracts.filter(({ logicalName }) => changed.includes(logicalName)),
      warnings: found.map(
        (problem) => `${[problem.resource, problem.field].filter(Boolean).join(' ')}: ${problemWords(problem)}`,
      ),
      diff: diffText(difference.diff, (title) => title),
    };
  }
}

function unchanged(problems: readonly string[]): ContractChange {
  return { problems, changed: [], warnings: [], diff: '' };
}
