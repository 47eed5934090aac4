import { createHash } from 'node:crypto';
import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { BillPackage } from '../packages/cli/src/package/software-bill.ts';
import { parseLock, productionClosure } from './lock-closure.ts';

/** An image that this repository makes. */
export interface Image {
  /** "orders". */
  readonly name: string;
  /** From the root. */
  readonly dockerfile: string;
  /** From the root; "." for the root itself. */
  readonly context: string;
  /** The directory of the package that it runs; none: it runs no package. */
  readonly workspace?: string;
}

/** What goes into an image. */
export interface ImageInputs {
  /** Of all that decides what is in the image: 12 hex digits. Neither git nor dates count. */
  readonly digest: string;
  readonly bases: readonly string[];
  readonly packages: readonly BillPackage[];
}

/** Every service that has a Dockerfile, and images/. */
export function allImages(root: string): Image[] {
  const services = globSync('services/*/Dockerfile', { cwd: root })
    .sort()
    .map((dockerfile) => {
      const workspace = dockerfile.replace(/\/Dockerfile$/, '');
      return { name: workspace.replace('services/', ''), dockerfile, context: '.', workspace };
    });
  return [
    ...services,
    {
      name: 'database-setup',
      dockerfile: 'images/database-setup/Dockerfile',
      context: '.',
      workspace: 'packages/database-setup',
    },
    { name: 'interception', dockerfile: 'images/interception/Dockerfile', context: 'images/interception' },
  ];
}

/** What npm installs from is counted by what it installs, so that a package of another image changes nothing here. */
const installation = new Set(['package.json', 'package-lock.json', '.npmrc']);

/** Reads what goes into an image. Throws when a file that the Dockerfile copies is not there. */
export function imageInputs(root: string, image: Image): ImageInputs {
  const dockerfile = readFileSync(join(root, image.dockerfile), 'utf8');
  const context = join(root, image.context);
  const ignored = readIgnored(root, image);
  const lock = parseLock(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const packages = image.workspace === undefined ? [] : productionClosure(lock, image.workspace);
  const hash = createHash('sha256').update(dockerfile).update(JSON.stringify(packages));
  for (const file of copiedFiles(dockerfile, context, ignored)) {
    if (image.context === '.' && installation.has(file)) continue;
    const path = join(context, file);
    hash.update(`\0${file}\0${statSync(path).mode & 0o111 ? 'x' : '-'}\0`).update(readFileSync(path));
  }
  const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base = '']) => base);
  return { digest: hash.digest('hex').slice(0, 12), bases: [...new Set(bases)], packages };
}

function copiedFiles(dockerfile: string, context: string, exclude: readonly string[]): string[] {
  const files = new Set<string>();
  for (const [, words = ''] of dockerfile.matchAll(/^COPY (?!--from)(.+)$/gm)) {
    for (const source of words.trim().split(/\s+/).slice(0, -1)) {
      const path = join(context, source);
      if (!statSync(path, { throwIfNoEntry: false })) {
        throw new Error(`${path} is not there: run \`make generate\` first`);
      }
      if (statSync(path).isFile()) files.add(source);
      else
        for (const file of globSync(`${source}/**/*`, { cwd: context, exclude }))
          if (statSync(join(context, file)).isFile()) files.add(file);
    }
  }
  return [...files].sort();
}

/** Lines of .dockerignore as globs; it has neither "!" nor anchors. */
function readIgnored(root: string, image: Image): string[] {
  if (image.context !== '.') return [];
  const lines = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n');
  return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
}
