import { CommandError, reasonOf } from '../command-error.ts';
import { projectServices, usedProjects } from '../elsewhere/project-services.ts';
import { type GenerateResult, generate } from '../generate/index.ts';
import { problemLine } from '../generate/proto-problem.ts';
import type { Project } from '../project.ts';
import type { ServiceManifest } from '../service-manifest.ts';
import type { Progress } from '../terminal/progress.ts';
import type { Trouble } from './trouble.ts';

/** What a project runs, according to its current files. */
export interface PreparedProject {
  readonly services: readonly ServiceManifest[];
  /** What is left out, and why. */
  readonly problems: readonly Trouble[];
}

/** Generates the contracts of a project, then reads its services. A broken part becomes a problem; the last good contracts stay. */
export async function prepareProject(project: Project, progress: Progress): Promise<PreparedProject> {
  let broken: readonly string[] = [];
  await progress.step(
    'contracts',
    async (step) => {
      const result = await generated(project, (line) => {
        step.detail = line;
      });
      broken = result.problems;
      step.failed = brokenWords(broken);
      return result;
    },
    ({ changed, findings }) =>
      [
        changed.length > 0 ? `made ${changed.join(', ')} anew` : '',
        findings.length > 0
          ? `\`weft lint\` has ${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}`
          : '',
      ]
        .filter(Boolean)
        .join('; '),
  );
  const others = await generateUsed(project);
  const { services, problems } = projectServices(project);
  return {
    services,
    problems: [
      ...[brokenWords(broken) ?? []].flat().map((message) => ({ subject: ownContracts, message })),
      ...others,
      ...problems.map(({ file, message }) => ({ subject: file, message: `${message}; the service is left out` })),
    ],
  };
}

/** Generates the contracts of other checkouts whose services run here. */
async function generateUsed(project: Project): Promise<Trouble[]> {
  const troubles: Trouble[] = [];
  for (const other of usedProjects(project)) {
    const broken = brokenWords((await generated(other, () => {})).problems);
    if (broken !== undefined) troubles.push({ subject: contractsOf(other.name), message: broken });
  }
  return troubles;
}

/** The subject of a trouble with the contracts of the project itself. */
export const ownContracts = 'contracts';

/** The same for another checkout, whose services run here. */
export function contractsOf(name: string): string {
  return `contracts of ${name}`;
}

/** What is wrong with contracts, in one sentence; undefined if nothing is. The first of many problems is often the cause of the others. */
export function brokenWords([first, ...others]: readonly string[]): string | undefined {
  if (first === undefined) return undefined;
  const more = others.length > 0 ? ` (\`weft generate\` names ${others.length} more)` : '';
  return `${first}${more}; the last good contracts are used`;
}

/** Like `generate`, with every problem as a sentence. */
async function generated(
  project: Project,
  report: (line: string) => void,
): Promise<Pick<GenerateResult, 'changed' | 'findings'> & { readonly problems: readonly string[] }> {
  try {
    const { changed, findings, problems } = await generate(project, report);
    return { changed, findings, problems: problems.map((problem) => problemLine(problem, project.root)) };
  } catch (error) {
    const reason = reasonOf(error);
    return {
      changed: [],
      findings: [],
      problems: [error instanceof CommandError ? reason : `cannot be generated: ${reason}`],
    };
  }
}
