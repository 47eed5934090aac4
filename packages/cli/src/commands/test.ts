import { Command } from 'commander';
import { CommandError } from '../command-error.ts';
import { findProject, type Project, servicePlaces } from '../project.ts';
import type { ServiceManifest } from '../service-manifest.ts';
import { readServiceManifests } from '../service-manifests.ts';
import { runTests, summaryOf, type TestResult } from '../service-tests/run-tests.ts';
import { testsOf } from '../service-tests/tests-of-service.ts';
import { paintFor } from '../terminal/style.ts';
import { jsonOption } from './options.ts';

/** `weft test`: the services' own tests. */
export function testCommand(): Command {
  return new Command('test')
    .description(
      'Runs the tests of the services, one after the other: the script "test" of a package.json, or `test` in a weft.yaml. No mesh\n' +
        'needs to run. The exit code is 1 when the tests of a service fail.',
    )
    .argument('[services...]', 'by name (default: all)')
    .addOption(jsonOption())
    .action(test);
}

async function test(names: readonly string[], options: { readonly json: boolean }): Promise<void> {
  const project = findProject();
  await generateCode(project);
  const { services, problems } = readServiceManifests(servicePlaces(project));
  for (const { file, message } of problems) console.error(`weft: ${file} cannot be read (${message}).`);
  const paint = paintFor(options.json ? process.stderr : process.stdout);
  const results: TestResult[] = [];
  const without: string[] = [];
  for (const service of await chosen(services, names)) {
    const command = testsOf(service, project.root);
    if (command === undefined) {
      without.push(service.name);
      continue;
    }
    if (!options.json) console.log(`\n${paint('bold', service.name)}`);
    results.push(await runTests(service, command, { root: project.root, output: options.json ? 2 : 1 }));
  }
  if (options.json) console.log(JSON.stringify({ services: results, without }, undefined, 2));
  else console.log(`\n${summaryOf(results, without)}`);
  // A service with an unreadable manifest was not tested.
  if (results.some(({ failure }) => failure !== undefined) || problems.length > 0) process.exitCode = 1;
}

/** Generates the code that the tests import. */
async function generateCode(project: Project): Promise<void> {
  const { generate } = await import('../generate/index.ts');
  const { problems } = await generate(project, () => {});
  if (problems.length === 0) return;
  const { problemLine } = await import('../generate/proto-problem.ts');
  for (const problem of problems) console.error(problemLine(problem, project.root));
  throw new CommandError('The contracts do not compile, so no test was run.');
}

async function chosen(
  services: readonly ServiceManifest[],
  names: readonly string[],
): Promise<readonly ServiceManifest[]> {
  if (names.length === 0) return services;
  const known = services.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return services.filter(({ name }) => names.includes(name));
  const { didYouMean } = await import('@weft/compiler/model/did-you-mean');
  throw new CommandError(
    `No service is named ${unknown}.${didYouMean(unknown, known) || ` There are ${known.join(', ')}.`}`,
  );
}
