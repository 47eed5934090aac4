import { Command } from 'commander';
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
  return new Command('add').description('Adds to the project.').addCommand(serviceCommand());
}

function serviceCommand(): Command {
  return new Command('service')
    .summary('add a service, with its contract, a test and what it calls')
    .description(
      [
        'Adds a service to the project: its folder with code, a test and a Dockerfile, and its contract in proto/. Each contract that it',
        'calls gets its name among the callers. A running `weft dev` starts the service at once.',
      ].join(' '),
    )
    .argument('<name>', 'of the service: 1 to 40 of a-z, 0-9 and -, beginning with a letter')
    .option('--calls <contracts>', 'the contracts that it calls, by comma: bakery.bread,bakery.oven', listOf, [])
    .option('--database', 'a schema of its own in PostgreSQL, with a first migration', false)
    .option('--language <name>', 'what it is written in: typescript, python or go', 'typescript')
    .option('--no-install', 'leave the package manager alone')
    .addOption(jsonOption())
    .action(add);
}

async function add(name: string, options: AddServiceOptions): Promise<void> {
  const project = findProject();
  const { addService, languages } = await import('../add/add-service.ts');
  const known = await languages();
  if (!known.includes(options.language)) {
    throw new CommandError(`There is no template for ${options.language}; --language is one of ${known.join(', ')}.`);
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
    `\nIt joins a running \`weft dev\`; else start the mesh again with \`${weft} up\`. Its tests: ${weft} test ${added.name}`,
  );
}

function listOf(text: string, before: readonly string[]): string[] {
  const names = text.split(',').map((name) => name.trim());
  return [...new Set([...before, ...names.filter((name) => name !== '')])];
}
