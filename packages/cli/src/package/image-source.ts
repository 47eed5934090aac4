import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, matchesGlob, relative, sep } from 'node:path';
import { CommandError } from '../command-error.ts';
import type { ServiceManifest } from '../service-manifest.ts';
import { contentDigest } from './content-digest.ts';
import { copySources, makeReadable, removeUnneededFiles } from './copy-sources.ts';
import { copiedPaths, imageUser } from './dockerfile.ts';
import { installPackages } from './install-packages.ts';
import { type InstalledPackage, installedPackages } from './installed-packages.ts';
import { walkFiles } from './walk-files.ts';
import { findInstallation, neededWorkspaces, readPackageJson } from './workspaces.ts';

/** What an image is built from. */
export interface ImageSource {
  readonly context: string;
  readonly dockerfile: string;
  /** A digest of everything that determines the image, 12 hex digits. */
  readonly digest: string;
  /** The version in the service's package.json; 0.0.0 if there is none. */
  readonly version: string;
  /** The user that a pod must run it as; undefined: the image's own. */
  readonly user?: number;
  /** The packages in the image, if they were installed here. */
  readonly packages: readonly InstalledPackage[];
}

/** A user ID that no machine assigns. */
const nobody = 10001;

/** The base of generated images. Node 24 runs TypeScript directly. */
const base = 'node:24-slim';

/** The image of a service that has a Dockerfile. Its context is `context`, if given. Files in `out` do not count. */
export function ownImage(
  service: ServiceManifest,
  root: string,
  out: string,
  context?: string,
): ImageSource | undefined {
  const dockerfile = join(service.directory, 'Dockerfile');
  if (!existsSync(dockerfile)) return undefined;
  // Node programs share packages with others in their repository; any other program has only its folder.
  const own = context ?? (service.command ? service.directory : root);
  const text = readFileSync(dockerfile, 'utf8');
  const copied = copiedPaths(text).flatMap((path) => {
    const found = existsSync(join(own, path)) ? [path] : globSync(path, { cwd: own });
    if (found.length > 0) return found;
    throw new CommandError(
      `${dockerfile} copies ${path}, which is not in ${own}; correct it, or name its build context with --context.`,
    );
  });
  const ignored = ignoredIn(own);
  const written = slashed(relative(own, out));
  const user = imageUser(text);
  return {
    context: own,
    dockerfile,
    digest: contentDigest(
      own,
      copied.flatMap((path) => walkFiles(own, path, (each) => each === written || ignored(each))),
      [text],
    ),
    version: versionOf(service),
    ...(user === 'numeric' ? {} : { user: nobody }),
    packages: [],
  };
}

/** Lays out the image of a Node service in the directory `context`: its code, its packages, and a Dockerfile. */
export async function generatedImage(service: ServiceManifest, context: string): Promise<ImageSource> {
  if (service.main === undefined) {
    throw new CommandError(
      `${service.name} runs its own command and has no Dockerfile; write ${join(service.directory, 'Dockerfile')}.`,
    );
  }
  const installation = findInstallation(service.directory);
  const workspaces = neededWorkspaces(installation, service.directory);
  const app = join(context, 'app');
  rmSync(context, { recursive: true, force: true });
  mkdirSync(app, { recursive: true });
  await installPackages(installation, workspaces, app);
  for (const { path } of workspaces) copySources(join(installation.root, path), join(app, path));
  removeUnneededFiles(app);
  makeReadable(app);
  const place = (path: string) => slashed(join('/app', relative(installation.root, path)));
  const dockerfile = join(context, 'Dockerfile');
  const text = generatedDockerfile(service, place(service.cwd));
  writeFileSync(dockerfile, text);
  return {
    context,
    dockerfile,
    digest: contentDigest(context, walkFiles(context, 'app'), [text]),
    version: versionOf(service),
    packages: installedPackages(app),
  };
}

function generatedDockerfile({ name, main = '' }: ServiceManifest, cwd: string): string {
  return `# Made by \`weft package ${name}\`, with the packages in app/ for linux/${process.arch}.
FROM ${base}
COPY app /app
WORKDIR ${cwd}
ENV NODE_ENV=production
USER ${nobody}:${nobody}
EXPOSE 8080
CMD ${JSON.stringify(['node', main])}
`;
}

function versionOf({ directory }: ServiceManifest): string {
  return existsSync(join(directory, 'package.json')) ? readPackageJson(directory).version : '0.0.0';
}

/** Whether .dockerignore excludes a path. If it has exceptions ("!"), nothing is excluded, so more files count than are copied. */
function ignoredIn(context: string): (path: string) => boolean {
  const file = join(context, '.dockerignore');
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  const patterns = lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  if (patterns.some((pattern) => pattern.startsWith('!'))) return () => false;
  return (path) => patterns.some((pattern) => matchesGlob(path, pattern.replace(/^\.?\/|\/$/g, '')));
}

const slashed = (path: string): string => path.split(sep).join('/');
