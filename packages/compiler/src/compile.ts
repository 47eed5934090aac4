import type { JsonObject } from '@bufbuild/protobuf';
import { snapshotJson } from './envoy/resource-json.ts';
import { snapshotFor } from './envoy/snapshot.ts';
import { parseDirectory } from './mesh-directory/parse-directory.ts';
import type { WorkloadId } from './model/mesh.ts';
import type { Problem } from './model/problem.ts';
import { assemble } from './translation/assemble.ts';

export { type LintFinding, type LintOptions, lint, lintFindings, lintRules } from './contracts/lint.ts';
export { type DiffResult, type DiffSide, diff } from './diff/diff.ts';
export { diffText } from './diff/diff-text.ts';
export { parseDuration } from './facts/duration.ts';
export { fileKind } from './mesh-directory/parse-directory.ts';
export type { Problem } from './model/problem.ts';

/** What a mesh directory gives. */
export interface Compiled {
  readonly problems: readonly Problem[];
  /** By workload, in order: type URL to name to resource, as Envoy's JSON. Keys and certificates are never among them. */
  readonly proxies: Readonly<Record<WorkloadId, JsonObject>>;
}

/**
 * Compiles the files of a mesh directory, by path relative to it, as the control plane would. Pure: `nowMs` decides which overrides
 * hold. `proxy`: only this one, "shop/orders-0", or its name alone where one namespace has it. Default: all.
 */
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
