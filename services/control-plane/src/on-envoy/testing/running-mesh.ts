import type { ProxyLimits } from '@weft/compiler/envoy/overload';
import type { Resource } from '@weft/compiler/envoy/resource';
import { DirectoryCompiler } from '@weft/compiler/testing/directory-compiler';
import { createReflection, reflectionPaths } from '../../api/reflection.ts';
import { checkPath, createRefusals } from '../../refusals/refusals.ts';
import { type RunningControlPlane, runControlPlane } from './running-control-plane.ts';

/** A control plane that gives real Envoys what a mesh compiles to. */
export interface RunningMesh extends Omit<RunningControlPlane, 'push'> {
  readonly compiler: DirectoryCompiler;
  /**
   * Delivers what a directory says now, and resolves when every connected proxy has acknowledged or refused all of it. `nowMs`: epoch
   * milliseconds. Default: 0.
   */
  update(directory: { readonly files: ReadonlyMap<string, Uint8Array> }, nowMs?: number): Promise<void>;
}

/** Ways in which a test's mesh differs from one in a cluster. */
export interface MeshOptions {
  /** What the Envoy of a gateway may hold. */
  readonly edgeLimits?: ProxyLimits;
  /** What becomes of each resource before it is delivered: a test may not have the time that a default takes. */
  readonly delivered?: (resource: Resource) => Resource;
  /** How long an Envoy keeps the connections of a listener that has changed. */
  readonly drainSeconds?: number;
}

/** Starts it without any mesh yet. */
export async function runMesh({ edgeLimits, delivered, drainSeconds }: MeshOptions = {}): Promise<RunningMesh> {
  const compiler = new DirectoryCompiler();
  const { mesh } = compiler;
  const reflection = createReflection({ mesh: () => mesh });
  const controlPlane = await runControlPlane({
    snapshot(id) {
      const snapshot = compiler.snapshot(id);
      if (delivered === undefined || snapshot === undefined) return snapshot;
      const changed = (resources: ReadonlyMap<string, Resource>) =>
        new Map([...resources].map(([name, resource]) => [name, delivered(resource)]));
      return new Map([...snapshot].map(([typeUrl, resources]) => [typeUrl, changed(resources)]));
    },
    ...(edgeLimits ? { edgeLimits } : {}),
    ...(drainSeconds ? { drainSeconds } : {}),
    workload: (id) => mesh.workloads.get(id),
    methods: new Map([
      [checkPath, createRefusals({ mesh: () => mesh }).method],
      ...reflectionPaths.map((path) => [path, reflection.grpc] as const),
    ]),
    requests: new Map(reflectionPaths.map((path) => [path, reflection.other] as const)),
  });
  return {
    ...controlPlane,
    compiler,
    async update(directory, nowMs) {
      compiler.update(directory, nowMs);
      await controlPlane.push([...mesh.workloads.keys()]);
    },
  };
}
