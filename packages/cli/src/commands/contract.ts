import { join, relative, resolve } from 'node:path';
import { Command } from 'commander';
import { CommandError } from '../command-error.ts';
import { generate } from '../generate/generate.ts';
import { problemLine } from '../generate/proto-problem.ts';
import { findProject } from '../project.ts';

/** `weft contract`: contracts as packages for other repositories. */
export function contractCommand(): Command {
  return new Command('contract').description('Packs contracts for other repositories.').addCommand(packCommand());
}

function packCommand(): Command {
  return new Command('pack')
    .summary('make an npm tarball of each contract')
    .description(
      'Packs contracts of the project as npm packages: .proto files, JavaScript with type declarations, descriptor set and README.\n' +
        'Publish one with `npm publish FILE`. A project that installs the package can import its types in code and its .proto files\n' +
        'in contracts.',
    )
    .argument('[names...]', 'contracts, for example bakery.bread or bread; default: all')
    .option('--out <dir>', 'where the tarballs go; default: dist/contracts in the project')
    .action(async (names: string[], { out }: { out?: string }) => {
      const project = findProject();
      const { problems } = await generate(project, (line) => console.log(`generated ${line}`));
      for (const problem of problems) console.error(problemLine(problem, project.root));
      if (problems.length > 0) throw new CommandError('The contracts do not compile; fix the errors above.');
      const { packContracts } = await import('../generate/pack-contracts.ts');
      const directory = out === undefined ? join(project.root, 'dist/contracts') : resolve(out);
      for (const { logicalName, file } of await packContracts(project, names, directory)) {
        console.log(`packed ${logicalName}: ${relative(process.cwd(), file)}`);
      }
    });
}
