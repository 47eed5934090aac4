import { Command, InvalidArgumentError } from 'commander';
import { CommandError } from '../command-error.ts';
import { packageManagerOf, weftCommand } from '../package-manager.ts';
import { findProject } from '../project.ts';
import { jsonOption } from './options.ts';

interface AddServiceOptions {
  readonly calls: readonly string[];
  readonly database: boolean;
  readonly install: boolean;
  readonly json: boolean;
  readonly language: string;
}

/** `weft add`: new parts of a project. */
export function addCommand(): Command {
  const command = new Command('add').description('Adds a part to the project.').addCommand(serviceCommand());
  return command.on('command:*', (operands: readonly string[], options: readonly string[]) => {
    const [what = ''] = operands;
    // `weft add cart` means a service; of `weft add srvice cart`, the last word is its name.
    const meant = [operands.at(-1), ...options].join(' ');
    throw new CommandError(`weft cannot add "${what}"; to add a service, run: weft add service ${meant}`);
  });
}

function serviceCommand(): Command {
  return new Command('service')
    .summary('add a service, with its contract, a test and what it calls')
    .description(
      'Adds a service to the project: a folder with code, a test and a Dockerfile, and a contract in proto/. Adds the service to\n' +
        'the callers of each contract that it calls. A running `weft dev` starts the service at once.',
    )
    .argument('<name>', 'name of the service: 1 to 40 characters of a-z, 0-9 and -, starting with a letter')
    .option('--calls <contracts>', 'the contracts that it calls, comma-separated: bakery.bread,bakery.oven', listOf, [])
    .option('--database', 'give it its own PostgreSQL schema and a first migration', false)
    .option('--language <name>', 'its language: typescript, python or go', 'typescript')
    .option('--no-install', 'do not run the package manager')
    .addOption(jsonOption())
    .action(add);
}

async function add(name: string, options: AddServiceOptions): Promise<void> {
  const project = findProject();
  const { addService, languages } = await import('../add/add-service.ts');
  const known = await languages();
  if (!known.includes(options.language)) {
    throw new CommandError(
      `There is no template for ${options.language}; --language must be one of ${known.join(', ')}.`,
    );
  }
  const report = (line: string) => {
    if (!options.json) console.log(`  ${line}`);
  };
  const added = await addService(project, { ...options, name }, report);
  if (options.json) {
    console.log(JSON.stringify(added, undefined, 2));
    return;
  }
  console.log(`Added ${added.logicalName}:`);
  console.log(`  ${added.contract}`);
  console.log(`  ${added.folder}/`);
  for (const file of added.edited) console.log(`  ${file} (admits ${added.logicalName} now)`);
  for (const sentence of added.advice) console.log(sentence);
  const weft = weftCommand[packageManagerOf(project.root)];
  console.log(
    `\nA running \`weft dev\` starts it; otherwise start the mesh again with \`${weft} up\`. Its tests: ${weft} test ${added.name}`,
  );
}

function listOf(text: string, before: readonly string[]): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.every((name) => name === '')) {
    throw new InvalidArgumentError('It names no contract; leave it out for a service that calls nothing.');
  }
  return [...new Set([...before, ...names.filter((name) => name !== '')])];
}
