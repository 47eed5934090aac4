import { Command } from 'commander';
import { buildContractTree } from '../contract-tree.ts';
import { findProject } from '../project.ts';
import { paintFor } from '../terminal/style.ts';
import { jsonOption } from './options.ts';
import { problemLines } from './problem-lines.ts';

/** `weft lint`: what the contracts say that cannot be meant. */
export function lintCommand(): Command {
  return new Command('lint')
    .summary('check what the contracts say about calls')
    .description(
      'Checks the weft.policy options of all contracts in proto/: a retry on a method that may not be repeated, a try timeout over\n' +
        'the deadline, a caller or key that does not exist. With --mesh also what the calls that contracts permit can do together:\n' +
        'deadlines below those of callees, circles, retries that multiply, steps that may not be repeated behind retries.\n' +
        'The exit code is 1 when something is wrong.',
    )
    .option('--mesh', 'look at the calls from service to service, too', false)
    .addOption(jsonOption())
    .action(async (options: { json: boolean; mesh: boolean }) => {
      const project = findProject();
      const descriptorSet = await buildContractTree(project, { directory: project.root });
      const { lint } = await import('@weft/compiler');
      const problems = lint(descriptorSet, { closed: true, graph: options.mesh });
      if (options.json) {
        console.log(JSON.stringify({ problems }, undefined, 2));
      } else {
        // buf names files by their import path.
        const inTree = problems.map((problem) => ({ ...problem, resource: `proto/${problem.resource}` }));
        for (const line of problemLines(inTree, paintFor(process.stdout))) console.log(line);
        if (problems.length === 0) console.log('The contracts are in order.');
      }
      if (problems.length > 0) process.exitCode = 1;
    });
}
