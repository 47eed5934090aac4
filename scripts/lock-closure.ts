import { z } from 'zod';
import type { BillPackage } from '../packages/cli/src/package/software-bill.ts';

const packageSchema = z.looseObject({
  name: z.string().optional(),
  version: z.string().optional(),
  integrity: z.string().optional(),
  license: z.string().optional(),
  link: z.boolean().optional(),
  resolved: z.string().optional(),
  dependencies: z.record(z.string(), z.string()).default({}),
  optionalDependencies: z.record(z.string(), z.string()).default({}),
  peerDependencies: z.record(z.string(), z.string()).default({}),
  peerDependenciesMeta: z.record(z.string(), z.looseObject({ optional: z.boolean().optional() })).default({}),
});
const lockSchema = z.looseObject({ lockfileVersion: z.literal(3), packages: z.record(z.string(), packageSchema) });

/** A package-lock.json of npm 7 or later. */
export type Lock = z.infer<typeof lockSchema>;

/** Reads the text of a lock file. Throws when it is none of version 3. */
export function parseLock(text: string): Lock {
  return lockSchema.parse(JSON.parse(text));
}

/**
 * What a workspace needs at run time, itself first, the others by path: what `npm ci --workspace W --omit=dev` installs. npm's own
 * `npm sbom --workspace` (11.19) lists development dependencies of linked workspaces and leaves out others.
 */
export function productionClosure(lock: Lock, workspace: string): BillPackage[] {
  const found = new Map<string, BillPackage>();
  const visit = (path: string): void => {
    if (found.has(path)) return;
    const entry = lock.packages[path];
    if (!entry) throw new RangeError(`the lock file has no package ${path}`);
    const { name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length), version = '' } = entry;
    const wanted = { ...entry.dependencies, ...entry.optionalDependencies };
    for (const peer of Object.keys(entry.peerDependencies)) {
      if (!entry.peerDependenciesMeta[peer]?.optional) wanted[peer] = '';
    }
    const dependencies = Object.keys(wanted)
      .map((dependency) => resolve(lock, path, dependency))
      .filter((target) => target !== undefined)
      .sort();
    found.set(path, {
      path,
      name,
      version,
      ...(entry.integrity === undefined ? {} : { integrity: entry.integrity }),
      ...(entry.license === undefined ? {} : { license: entry.license }),
      dependencies,
    });
    for (const dependency of dependencies) visit(dependency);
  };
  visit(workspace);
  const [first, ...others] = found.values();
  return first ? [first, ...others.sort((a, b) => (a.path < b.path ? -1 : 1))] : [];
}

/** As Node does: in the package's own node_modules, then in those above it. */
function resolve(lock: Lock, from: string, name: string): string | undefined {
  for (let directory = from; ; directory = directory.slice(0, Math.max(0, directory.lastIndexOf('/')))) {
    if (!directory.endsWith('node_modules')) {
      const path = `${directory === '' ? '' : `${directory}/`}node_modules/${name}`;
      const entry = lock.packages[path];
      if (entry) return entry.link ? entry.resolved : path;
    }
    if (directory === '') return undefined;
  }
}
