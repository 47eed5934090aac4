import { Command } from 'commander';
import { problemPlace } from '../generate/proto-problem.ts';
import { findProject } from '../project.ts';
import { paintFor } from '../terminal/style.ts';
import { jsonOption } from './options.ts';
import { problemLines } from './problem-lines.ts';

/** `weft lint`: finds contradictions in the contracts' policies. */
export function lintCommand(): Command {
  return new Command('lint')
    .description(
      'Checks the weft.policy options of all contracts in the project: a retry on a method that must not be repeated, a try timeout\n' +
        'longer than the deadline, a caller in this project or a key that does not exist. With --mesh, also checks what permitted\n' +
        'calls can do together: deadlines shorter than those of callees, cycles, retries that multiply, and non-repeatable steps\n' +
        'behind retries. The exit code is 1 when something is wrong.',
    )
    .option('--mesh', 'also check the calls between services', false)
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
        if (problems.length === 0) console.log('No problems found in the contracts.');
      }
      if (problems.length > 0) process.exitCode = 1;
    });
}
