import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { JsonObject } from '@bufbuild/protobuf';
import { assemble } from './assembly/assemble.ts';
import { snapshotJson } from './envoy/resource-json.ts';
import { snapshotFor } from './envoy/snapshot.ts';
import type { WorkloadId } from './model/mesh.ts';
import type { Problem } from './model/problem.ts';
import { fileKind, parseDirectory } from './sources/parse-directory.ts';

export { type LintFinding, type LintOptions, lint, lintFindings, lintRules } from './contracts/lint.ts';
export { type DiffResult, type DiffSide, diff } from './diff/diff.ts';
export { diffText } from './diff/diff-text.ts';
export type { Problem } from './model/problem.ts';
export { parseDuration } from './sources/duration.ts';

/** What to compile. */
export interface CompileOptions {
  /** A mesh directory. */
  readonly directory: string;
  /** Only this proxy: "shop/orders-0", or its name alone where one namespace has it. Default: all. */
  readonly proxy?: string;
}

/** What a mesh directory gives. */
export interface Compiled {
  readonly problems: readonly Problem[];
  /** By workload, in order: type URL to name to resource, as Envoy's JSON. Keys and certificates are never among them. */
  readonly proxies: Readonly<Record<WorkloadId, JsonObject>>;
}

/** Compiles a mesh directory offline, as the control plane would. Rejects only when the directory cannot be read. */
export async function compile(options: CompileOptions): Promise<Compiled> {
  return compileFiles(await readMeshFiles(options.directory), options.proxy, Date.now());
}

/** Compiles the files of a mesh directory, by path relative to it. Pure: `nowMs` decides which overrides hold. */
export function compileFiles(files: ReadonlyMap<string, Uint8Array>, proxy?: string, nowMs = 0): Compiled {
  const mesh = assemble(parseDirectory(files), undefined, nowMs);
  const proxies: Record<WorkloadId, JsonObject> = {};
  for (const { id, name } of mesh.workloads.values()) {
    if (proxy !== undefined && proxy !== id && proxy !== name) continue;
    const snapshot = snapshotFor(mesh, id);
    if (snapshot) proxies[id] = snapshotJson(snapshot);
  }
  return { problems: mesh.problems, proxies };
}

/** The files of a mesh directory, by path relative to it. Rejects when one cannot be read. */
export async function readMeshFiles(directory: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const path = relative(directory, join(entry.parentPath, entry.name)).split(sep).join('/');
    if (entry.isFile() && fileKind(path) !== undefined) {
      files.set(path, await readFile(join(entry.parentPath, entry.name)));
    }
  }
  return files;
}
