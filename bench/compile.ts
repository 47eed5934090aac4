/**
 * What it costs to compile a change of one method in a mesh of 500 services with 20 methods each, from the files to every proxy's
 * resources, against compiling everything. Work is counted in resources that are encoded; the goal is to encode those that change
 * and no others: the callee's own routes, and the routes of each of its callers.
 */

import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { Graph } from '@weft/collections';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { type Compiler, createCompiler } from '@weft/compiler/envoy/compiler';
import type { Resource } from '@weft/compiler/envoy/resource';
import { FactsAfterTurn } from '@weft/compiler/facts/facts-after-turn';
import { MeshFiles } from '@weft/compiler/mesh-directory/mesh-files';
import type { Mesh, WorkloadId } from '@weft/compiler/model/mesh';
import { assemble } from '@weft/compiler/translation/assemble';
import { median, spread } from './pairs.ts';
import { namespace, putReplica, type SyntheticPlan, syntheticContract, syntheticMesh } from './synthetic-mesh.ts';

const plan: SyntheticPlan = { services: 500, methods: 20, replicas: 1, callees: 3 };
const rounds = Number(process.env.ROUNDS ?? 15);

// Every resource is hashed once when it is encoded, so the hashes tell how many are.
let hashed = 0;
crypto.hash = new Proxy(crypto.hash, {
  apply: (hash, self, args) => {
    hashed += 1;
    return Reflect.apply(hash, self, args);
  },
});
syncBuiltinESMExports();

const fullMs: number[] = [];
let encodedInFull = 0;
let state = compileAll();
for (let round = 0; round < 3; round++) state = compileAll();

const changeMs: number[] = [];
const parts = { read: [] as number[], assemble: [] as number[], compile: [] as number[] };
let encoded = 0;
let changed = 0;
for (let round = 0; round < rounds; round++) {
  // A service in the middle, with another deadline for one of its methods each time.
  const name = `s${(round * 37) % plan.services}`;
  const callers = [1, 2, 3].map((k) => `s${(Number(name.slice(1)) - k + plan.services) % plan.services}`);
  const set = syntheticContract({ name, methods: plan.methods, callers, deadlineMs: 2000 + round });
  const before = resourcesOf(state);
  state.mesh.contract(namespace, name, set);
  putReplica(state.mesh, `${name}-0`, contractHash(set));
  const touched = [`contracts/${namespace}/${name}.binpb`, `${namespace}/workloads/${name}-0.yaml`];

  const begin = performance.now();
  for (const path of touched) state.files.put(path, state.mesh.files.get(path) ?? new Uint8Array());
  const facts = state.facts();
  const read = performance.now();
  const assembled = assemble(facts, state.assembled);
  const isAssembled = performance.now();
  hashed = 0;
  compileAffected(state.compiler, assembled);
  const end = performance.now();

  state = { ...state, assembled };
  encoded += hashed;
  changed += [...resourcesOf(state)].filter((resource) => !before.has(resource)).length;
  changeMs.push(end - begin);
  parts.read.push(read - begin);
  parts.assemble.push(isAssembled - read);
  parts.compile.push(end - isAssembled);
}
const contents = (count: number) => (count / rounds).toFixed(1);
console.log(`everything   ${spread(fullMs, 'ms')}  ${encodedInFull} resources encoded`);
console.log(`one method   ${spread(changeMs, 'ms')}  ${contents(encoded)} encoded, ${contents(changed)} changed`);
for (const [part, ms] of Object.entries(parts)) console.log(`  ${part.padEnd(10)} ${spread(ms, 'ms')}`);
console.log(`ratio compile/time-to-full ${(median(changeMs) / median(fullMs)).toFixed(4)}`);
console.log(`ratio compile/encoded-to-changed ${(encoded / changed).toFixed(2)}`);

function compileAll() {
  const mesh = syntheticMesh(plan);
  const graph = new Graph();
  const files = new MeshFiles(graph);
  const afterTurn = new FactsAfterTurn(files.facts);
  const facts = () => afterTurn.take(graph.turn(() => files.tell()));
  const compiler = createCompiler();
  const begin = performance.now();
  for (const [path, bytes] of mesh.files) files.put(path, bytes);
  const assembled: Mesh = assemble(facts(), undefined);
  if (assembled.problems.length > 0) throw new Error(JSON.stringify(assembled.problems[0]));
  hashed = 0;
  compileAffected(compiler, assembled);
  fullMs.push(performance.now() - begin);
  encodedInFull = hashed;
  return { mesh, files, facts, compiler, assembled };
}

/** What pushing to every proxy would have compiled. */
function compileAffected(compiler: Compiler, mesh: Mesh): void {
  const { affected } = compiler.update(mesh);
  for (const id of affected) compiler.snapshot(id);
}

function resourcesOf({ compiler, assembled }: Pick<typeof state, 'compiler' | 'assembled'>): Set<Resource> {
  const ids: Iterable<WorkloadId> = assembled.workloads.keys();
  const found = new Set<Resource>();
  for (const id of ids) {
    for (const resources of compiler.snapshot(id)?.values() ?? []) for (const one of resources.values()) found.add(one);
  }
  return found;
}
