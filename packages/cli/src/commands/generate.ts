import { Command } from 'commander';
import { CommandError } from '../command-error.ts';
import { generate } from '../generate/generate.ts';
import { problemLine } from '../generate/proto-problem.ts';
import { findProject } from '../project.ts';

/** `weft generate`: code, contract packages and descriptors out of .proto files. */
export function generateCommand(): Command {
  return new Command('generate')
    .description(
      'Makes the contract packages of the project from its .proto files: TypeScript, package.json and descriptor sets. Does nothing when\n' +
        'nothing has changed, and leaves the last good output when a .proto file is broken. The exit code is 1 when something is wrong.',
    )
    .option('--check', 'write nothing; the exit code is 1 when something would be different', false)
    .action(async ({ check }: { check: boolean }) => {
      const project = findProject();
      const { contracts, changed, problems, findings } = await generate(
        project,
        (line) => console.log(check ? `stale: ${line}` : `generated ${line}`),
        { check },
      );
      for (const problem of [...problems, ...findings]) console.error(problemLine(problem, project.root));
      if (problems.length > 0) {
        throw new CommandError(
          'The contracts do not compile; what was generated before stays. Correct the lines above.',
        );
      }
      if (check && changed.length > 0) throw new CommandError('What is generated is stale; run `weft generate`.');
      if (findings.length > 0) {
        throw new CommandError('The contracts say what they cannot mean; correct the lines above.');
      }
      if (changed.length > 0) return;
      console.log(
        contracts.length > 0 ? 'Everything is up to date.' : `There is no .proto file in ${project.contractsDirs}.`,
      );
    });
}
