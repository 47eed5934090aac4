// @ts-check
import { parseArgs } from 'node:util';
import { CreateError } from './create-error.js';
import { packageManagers } from './package-manager.js';
import { templates } from './templates.js';

/** @import { PackageManager } from './package-manager.js' */

export const help = `Makes a new project whose services run in a mesh made from their contracts.

Usage: npm create weft@latest [directory] [-- options]
       pnpm create weft [directory] [options]

The project is named after the directory.

Options:
  --template <name>          ${templates.map(({ name, says }) => `${name}: ${says}`).join('\n                             ')}
                             (default: hello)
  --package-manager <name>   npm or pnpm (default: the one that runs this)
  --no-install               write the files only
  -y, --yes                  ask nothing: take the defaults
  --json                     print JSON, for machines; asks nothing
  -h, --help                 this text
`;

/**
 * What the command line says. Undefined: it says nothing of it.
 * @typedef {object} Options
 * @property {string | undefined} directory
 * @property {string | undefined} template
 * @property {PackageManager | undefined} packageManager
 * @property {boolean} install
 * @property {boolean} yes
 * @property {boolean} json
 * @property {boolean} help
 */

/**
 * Reads the command line.
 * @param {readonly string[]} args
 * @returns {Options}
 * @throws {CreateError} for whatever is not an option or has a value that cannot be.
 */
export function parseOptions(args) {
  const { values, positionals } = parse(args);
  if (positionals.length > 1) {
    throw new CreateError(`One directory is expected, and these are ${positionals.length}: ${positionals.join(', ')}.`);
  }
  return {
    directory: positionals[0],
    template: oneOf(
      '--template',
      values.template,
      templates.map(({ name }) => name),
    ),
    packageManager: oneOf('--package-manager', values['package-manager'], packageManagers),
    install: !values['no-install'],
    yes: values.yes ?? false,
    json: values.json ?? false,
    help: values.help ?? false,
  };
}

/** @param {readonly string[]} args */
function parse(args) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        template: { type: 'string' },
        'package-manager': { type: 'string' },
        'no-install': { type: 'boolean' },
        yes: { type: 'boolean', short: 'y' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split(/\. |\n/)[0] ?? '') : String(error);
    throw new CreateError(`${reason}; --help lists the options.`);
  }
}

/**
 * @template {string} Name
 * @param {string} option
 * @param {string | undefined} value
 * @param {readonly Name[]} names
 * @returns {Name | undefined}
 */
function oneOf(option, value, names) {
  const name = names.find((one) => one === value);
  if (value !== undefined && name === undefined) {
    throw new CreateError(`${option} ${value} does not exist; it is one of ${names.join(', ')}.`);
  }
  return name;
}
