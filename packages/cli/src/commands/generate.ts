import { Command } from 'commander';
import { CommandError } from '../command-error.ts';
import { generate } from '../generate/generate.ts';
import { problemLine } from '../generate/proto-problem.ts';
import { findProject } from '../project.ts';

/** `weft generate`: generates code, contract packages and descriptors from .proto files. */
export function generateCommand(): Command {
  return new Command('generate')
    .description(
      'Generates the contract packages of the project from its .proto files: TypeScript, package.json and descriptor sets. Does\n' +
        'nothing when nothing has changed, and keeps the last good output when a .proto file is broken. The exit code is 1 when\n' +
        'something is wrong.',
    )
    .option('--check', 'write nothing; the exit code is 1 when something would change', false)
    .action(async ({ check }: { check: boolean }) => {
      const project = findProject();
      const { contracts, changed, problems, findings } = await generate(
        project,
        (line) => console.log(check ? `stale: ${line}` : `generated ${line}`),
        { check },
      );
      for (const problem of [...problems, ...findings]) console.error(problemLine(problem, project.root));
      if (problems.length > 0) {
        throw new CommandError('The contracts do not compile, so the previous output was kept; fix the errors above.');
      }
      if (check && changed.length > 0)
        throw new CommandError('The generated files are out of date; run `weft generate`.');
      if (findings.length > 0) {
        throw new CommandError('The contracts contradict themselves; fix the errors above.');
      }
      if (changed.length > 0) return;
      console.log(
        contracts.length > 0 ? 'Everything is up to date.' : `There is no .proto file in ${project.contractsDirs}.`,
      );
    });
}
