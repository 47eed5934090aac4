// @ts-check
import { readFileSync } from 'node:fs';
import { basename, relative, resolve } from 'node:path';
import { CreateError } from './create-error.js';
import { help, parseOptions } from './options.js';
import { install, packageManagerOf, weftCommand } from './package-manager.js';
import { projectNames } from './project-name.js';
import { questions } from './questions.js';
import { checkEmpty, projectFiles, writeProject } from './write-project.js';

/** @import { Options } from './options.js' */

/**
 * What the command needs from its process.
 * @typedef {object} Surroundings
 * @property {() => string} cwd
 * @property {Readonly<Record<string, string | undefined>>} env
 * @property {NodeJS.ReadableStream & { isTTY?: boolean }} stdin A terminal means that the user can be asked.
 * @property {NodeJS.WritableStream} stdout
 * @property {NodeJS.WritableStream} stderr
 */

/**
 * `npm create weft`: makes a project and installs its packages.
 * @param {readonly string[]} args
 * @param {Surroundings} surroundings
 * @returns {Promise<number>} The exit code.
 */
export async function main(args, surroundings) {
  const { stdout, stderr } = surroundings;
  const json = args.includes('--json');
  try {
    const options = parseOptions(args);
    if (options.help) {
      stdout.write(help);
      return 0;
    }
    return await create(options, surroundings);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (json) stdout.write(`${JSON.stringify({ error: reason })}\n`);
    else stderr.write(`create-weft: ${reason}\n`);
    if (!(error instanceof CreateError) && surroundings.env.WEFT_DEBUG) console.error(error);
    return 1;
  }
}

/**
 * @param {Options} options
 * @param {Surroundings} surroundings
 */
async function create(options, surroundings) {
  const { env, stdout, stderr } = surroundings;
  const { directory, names, template } = await choices(options, surroundings);
  const packageManager = options.packageManager ?? packageManagerOf(env.npm_config_user_agent);
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  await writeProject(directory, await projectFiles({ names, template, packageManager, version }));

  const shown = relative(surroundings.cwd(), directory);
  if (!options.json) stderr.write(`Made ${names.project} in ${shown || 'this directory'}.\n`);
  let failure;
  if (options.install) {
    if (!options.json) stderr.write(`Installing packages with ${packageManager} (a minute the first time) ...\n`);
    failure = await install(packageManager, directory);
  }
  const installed = options.install && failure === undefined;
  const next = [
    ...(shown === '' ? [] : [`cd ${/[^\w./-]/.test(shown) ? `'${shown}'` : shown}`]),
    ...(installed ? [] : [`${packageManager} install`]),
    `${weftCommand(packageManager)} up`,
  ];
  if (options.json) {
    const error = failure === undefined ? {} : { error: `${packageManager} install failed: ${failure}` };
    stdout.write(
      `${JSON.stringify({ name: names.project, directory, template, packageManager, installed, next, ...error })}\n`,
    );
  } else {
    if (failure !== undefined) stderr.write(`create-weft: ${packageManager} install failed: ${failure}.\n`);
    stdout.write(`\nNext:\n${next.map((command) => `  ${command}\n`).join('')}`);
  }
  return failure === undefined ? 0 : 1;
}

/**
 * The location and properties of the project: from the command line, else from the user's answers, else the defaults.
 * @param {Options} options
 * @param {Surroundings} surroundings
 */
async function choices(options, surroundings) {
  const mayAsk = !options.yes && !options.json && surroundings.stdin.isTTY;
  const person = mayAsk ? questions(surroundings.stdin, surroundings.stderr) : undefined;
  const at = (/** @type {string} */ path) => resolve(surroundings.cwd(), path);
  try {
    const given =
      options.directory ??
      (await person?.name(async (name) => {
        projectNames(basename(at(name)));
        await checkEmpty(at(name));
      }));
    if (given === undefined)
      throw new CreateError('A name is missing; give one, for example: npm create weft@latest bakery');
    const directory = at(given);
    const names = projectNames(basename(directory));
    // Check before the second question, whose answer would otherwise be wasted.
    await checkEmpty(directory);
    return { directory, names, template: options.template ?? (await person?.template()) ?? 'hello' };
  } finally {
    person?.close();
  }
}
