// @ts-check
import { parseArgs } from 'node:util';
import { CreateError } from './create-error.js';
import { packageManagers } from './package-manager.js';
import { templates } from './templates.js';

/** @import { PackageManager } from './package-manager.js' */

export const help = `Creates a project whose services run in a mesh generated from their contracts.

Usage: npm create weft@latest [directory] [-- options]
       pnpm create weft [directory] [options]

The project is named after the directory.

Options:
  --template <name>          ${templates.map(({ name, says }) => `${name}: ${says}`).join('\n                             ')}
                             (default: hello)
  --package-manager <name>   npm or pnpm (default: the one that runs this command)
  --no-install               write the files, but do not install packages
  -y, --yes                  ask no questions: use the defaults
  --json                     print JSON and ask no questions
  -h, --help                 print this text
`;

/**
 * The options of the command line. Undefined: not given.
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
 * @returns {Options} @throws {CreateError} for an unknown option or an invalid value.
 */
export function parseOptions(args) {
  const { values, positionals } = parse(args);
  if (positionals.length > 1) {
    throw new CreateError(`Expected one directory, but got ${positionals.length}: ${positionals.join(', ')}.`);
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
    throw new CreateError(`${option} ${value} does not exist; it must be one of ${names.join(', ')}.`);
  }
  return name;
}
