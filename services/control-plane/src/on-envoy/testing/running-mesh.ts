import { type Compiler, createCompiler } from '@weft/compiler/envoy/compiler';
import type { Mesh } from '@weft/compiler/model/mesh';
import { createReflection, reflectionPaths } from '../../api/reflection.ts';
import { checkPath, createRefusals } from '../../api/refusals.ts';
import { type RunningControlPlane, runControlPlane } from './running-control-plane.ts';

/** A control plane that gives real Envoys what a mesh compiles to. */
export interface RunningMesh extends Omit<RunningControlPlane, 'push'> {
  readonly compiler: Compiler;
  /** Delivers a new mesh and resolves when every connected proxy has acknowledged or refused all of it. */
  update(mesh: Mesh): Promise<void>;
}

/** Starts it without any mesh yet. */
export async function runMesh(): Promise<RunningMesh> {
  const compiler = createCompiler();
  let mesh: Mesh | undefined;
  const reflection = createReflection(() => mesh);
  const controlPlane = await runControlPlane({
    snapshot: (id) => compiler.snapshot(id),
    workload: (id) => mesh?.workloads.get(id),
    methods: new Map([
      [checkPath, createRefusals({ mesh: () => mesh }).method],
      ...reflectionPaths.map((path) => [path, reflection] as const),
    ]),
  });
  return {
    ...controlPlane,
    compiler,
    async update(next) {
      mesh = next;
      const { affected } = compiler.update(next);
      await controlPlane.push(affected);
    },
  };
}
