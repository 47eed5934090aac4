import { buildContractTree } from '../../contract-tree.ts';
import { generate } from '../../generate/index.ts';
import { problemLine } from '../../generate/proto-problem.ts';
import type { Project } from '../../project.ts';
import type { ContractChange, DevContracts } from './dev-contracts.ts';

/** The contracts of a project, generated and compared like `weft generate`, `weft lint` and `weft diff` do. */
export class ProjectContracts implements DevContracts {
  readonly #project: Project;
  /** The descriptor set of the contracts that were applied last; undefined: they did not compile. */
  #applied: Uint8Array | undefined;

  /** The current contracts, to compare the next ones with. */
  static async of(project: Project): Promise<ProjectContracts> {
    return new ProjectContracts(project, await treeOf(project));
  }

  private constructor(project: Project, applied: Uint8Array | undefined) {
    this.#project = project;
    this.#applied = applied;
  }

  async update(): Promise<ContractChange> {
    const project = this.#project;
    const { contracts, changed, problems, findings } = await generate(project, () => {});
    if (problems.length > 0) return unchanged(problems.map((problem) => problemLine(problem, project.root)));
    return {
      problems: [],
      changed: contracts.filter(({ logicalName }) => changed.includes(logicalName)),
      warnings: findings.map((finding) => problemLine(finding, project.root)),
      diff: await this.#difference(),
    };
  }

  /** What has changed since the last time. */
  async #difference(): Promise<string> {
    const { diff, diffText } = await import('@weft/compiler');
    const before = this.#applied;
    const now = await treeOf(this.#project);
    this.#applied = now;
    if (before === undefined || now === undefined) return '';
    return diffText(diff({ descriptorSet: before }, { descriptorSet: now }, Date.now()).diff, (title) => title);
  }
}

/** The descriptor set of all contracts; undefined if they do not compile or there are none. */
function treeOf(project: Project): Promise<Uint8Array | undefined> {
  return buildContractTree(project, { directory: project.root }).catch(() => undefined);
}

function unchanged(problems: readonly string[]): ContractChange {
  return { problems, changed: [], warnings: [], diff: '' };
}
