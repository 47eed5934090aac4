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

/** Starts it without any mesh yet. */
export async function runMesh(): Promise<RunningMesh> {
  const compiler = new DirectoryCompiler();
  const { mesh } = compiler;
  const reflection = createReflection({ mesh: () => mesh });
  const controlPlane = await runControlPlane({
    snapshot: (id) => compiler.snapshot(id),
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
