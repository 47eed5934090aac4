// @ts-check
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateError } from './create-error.js';
import { weftCommand } from './package-manager.js';

/** @import { PackageManager } from './package-manager.js' */
/** @import { ProjectNames } from './project-name.js' */

const templatesDirectory = fileURLToPath(new URL('../templates/', import.meta.url));

/** What a folder may contain and still count as empty: the files of a freshly cloned repository. */
const mayBeThere = new Set(['.git', '.DS_Store']);

/**
 * The files of a new project, by their path in it.
 * @param {object} choice
 * @param {ProjectNames} choice.names
 * @param {string} choice.template
 * @param {PackageManager} choice.packageManager
 * @param {string} choice.version Of Weft's packages.
 * @returns {Promise<Map<string, string>>}
 */
export async function projectFiles({ names, template, packageManager, version }) {
  const words = new Map([
    ['__project__', names.project],
    ['__package__', names.protoPackage],
    ['__weft_version__', version],
    ['__weft__', weftCommand(packageManager)],
  ]);
  /** @type {Map<string, string>} */
  const files = new Map();
  // A later layer replaces the files of an earlier one.
  for (const layer of ['base', template, packageManager]) {
    const directory = join(templatesDirectory, layer);
    if (!existsSync(directory)) {
      throw new CreateError(`This copy of create-weft has no template ${template}; make it with \`npm run prepack\`.`);
    }
    for (const path of await readdir(directory, { recursive: true })) {
      const file = join(directory, path);
      if (!(await stat(file)).isFile()) continue;
      files.set(targetPath(path.replaceAll('\\', '/'), words), replaceWords(await readFile(file, 'utf8'), words));
    }
  }
  if (packageManager === 'pnpm') withoutNpmFields(files);
  return files;
}

/**
 * Where a template's file goes. npm leaves .gitignore out of packages, so templates have dot-gitignore.
 * @param {string} path
 * @param {ReadonlyMap<string, string>} words
 */
function targetPath(path, words) {
  const parts = path.split('/').map((part) => part.replace(/^dot-/, '.'));
  return replaceWords(parts.join('/'), words);
}

/**
 * @param {string} text
 * @param {ReadonlyMap<string, string>} words
 */
function replaceWords(text, words) {
  return text.replace(/__[a-z]+(?:_[a-z]+)*__/g, (word) => words.get(word) ?? word);
}

/**
 * pnpm reads workspaces and allowed install scripts from its own file, and warns about npm's fields.
 * @param {Map<string, string>} files
 */
function withoutNpmFields(files) {
  const { workspaces: _, allowScripts: __, ...manifest } = JSON.parse(files.get('package.json') ?? '{}');
  files.set('package.json', `${JSON.stringify(manifest, undefined, 2)}\n`);
}

/**
 * Rejects when a folder has files that could be overwritten.
 * @param {string} directory
 */
export async function checkEmpty(directory) {
  /** @type {string[]} */
  let entries;
  try {
    entries = await readdir(directory);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
    if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR') {
      throw new CreateError(`${directory} is a file; choose another name.`);
    }
    throw error;
  }
  const found = entries.find((entry) => !mayBeThere.has(entry));
  if (found !== undefined) {
    throw new CreateError(`${directory} is not empty (it has ${found}); choose another name, or empty it first.`);
  }
}

/**
 * Writes a project into a folder that is empty or does not exist. When it cannot write all files it leaves none.
 * @param {string} directory
 * @param {ReadonlyMap<string, string>} files
 */
export async function writeProject(directory, files) {
  await checkEmpty(directory);
  const wasThere = existsSync(directory);
  try {
    for (const [path, text] of files) {
      const file = join(directory, path);
      await mkdir(dirname(file), { recursive: true });
      // "wx": do not overwrite a file that was created meanwhile.
      await writeFile(file, text, { flag: 'wx' });
    }
  } catch (error) {
    const written = new Set([...files.keys()].map((path) => path.split('/')[0] ?? path));
    if (!wasThere) await rm(directory, { recursive: true, force: true });
    else for (const top of written) await rm(join(directory, top), { recursive: true, force: true });
    const reason = error instanceof Error ? error.message : String(error);
    throw new CreateError(
      `The project could not be written to ${directory} (${reason}), and nothing was left there; fix that and try again.`,
    );
  }
}
