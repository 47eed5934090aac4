import { Command } from 'commander';
import { problemPlace } from '../generate/proto-problem.ts';
import { findProject } from '../project.ts';
import { paintFor } from '../terminal/style.ts';
import { jsonOption } from './options.ts';
import { problemLines } from './problem-lines.ts';

/** `weft lint`: what the contracts say that cannot be meant. */
export function lintCommand(): Command {
  return new Command('lint')
    .description(
      'Checks the weft.policy options of all contracts of the project: a retry on a method that may not be repeated, a try timeout over\n' +
        'the deadline, a caller of this project or a key that does not exist. With --mesh also what the calls that contracts permit can do together:\n' +
        'deadlines below those of callees, circles, retries that multiply, steps that may not be repeated behind retries.\n' +
        'The exit code is 1 when something is wrong.',
    )
    .option('--mesh', 'look at the calls from service to service, too', false)
    .addOption(jsonOption())
    .action(async (options: { json: boolean; mesh: boolean }) => {
      const project = findProject();
      const { lintProject } = await import('../generate/lint-findings.ts');
      const findings = await lintProject(project, { graph: options.mesh });
      const problems = findings.map((finding) => ({
        resource: problemPlace(finding, project.root),
        ...(finding.field === undefined ? {} : { field: finding.field }),
        message: finding.message,
      }));
      if (options.json) {
        console.log(JSON.stringify({ problems }, undefined, 2));
      } else {
        for (const line of problemLines(problems, paintFor(process.stdout))) console.log(line);
        if (problems.length === 0) console.log('The contracts are in order.');
      }
      if (problems.length > 0) process.exitCode = 1;
    });
}
