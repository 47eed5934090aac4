import type { JsonObject } from '@bufbuild/protobuf';
import { Graph } from '@weft/collections';
import { snapshotJson } from './envoy/resource-json.ts';
import { factSources } from './facts/fact-collections.ts';
import type { Facts } from './facts/facts.ts';
import { MeshCompiler } from './mesh-compiler.ts';
import { parseDirectory } from './mesh-directory/parse-directory.ts';
import type { WorkloadId } from './model/mesh.ts';
import type { Problem } from './model/problem.ts';

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
 * hold. `proxy`: only this one, "bakery/orders-0", or its name alone where one namespace has it. Default: all.
 */
export function compileFiles(files: ReadonlyMap<string, Uint8Array>, proxy?: string, nowMs = 0): Compiled {
  const compiler = compileFacts(parseDirectory(files), {
    nowMs,
    wanted: ({ id, name }) => proxy === undefined || proxy === id || proxy === name,
  });
  const proxies: Record<WorkloadId, JsonObject> = {};
  for (const id of compiler.mesh.workloads.keys()) {
    const snapshot = compiler.snapshot(id);
    if (snapshot) proxies[id] = snapshotJson(snapshot);
  }
  return { problems: [...compiler.mesh.problems, ...compiler.failures()], proxies };
}

/** A compiler of these facts, in which the proxies that are `wanted` are connected. Default: all, at 0. */
export function compileFacts(
  facts: Facts,
  options: {
    readonly nowMs?: number;
    readonly wanted?: (workload: Facts['workloads'][number]) => boolean;
  } = {},
): MeshCompiler {
  const { nowMs = 0, wanted = () => true } = options;
  const graph = new Graph();
  const sources = factSources(graph);
  const compiler = new MeshCompiler(graph, sources.facts);
  compiler.turn(() => {
    sources.replace(facts);
    for (const workload of facts.workloads) if (wanted(workload)) compiler.connect(workload.id);
  }, nowMs);
  return compiler;
}
