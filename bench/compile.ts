/**
 * What it costs to compile a change of one method in a mesh of 500 services with 20 methods each, from the files to every proxy's
 * resources, against compiling everything. Work is counted in resources that are encoded; the goal is to encode those that change
 * and no others: the callee's own routes, and the routes of each of its callers.
 */

import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { Graph } from '@weft/collections';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import type { Resource } from '@weft/compiler/envoy/resource';
import { MeshCompiler } from '@weft/compiler/mesh-compiler';
import { MeshFiles } from '@weft/compiler/mesh-directory/mesh-files';
import { median, spread } from './pairs.ts';
import {
  callsOf,
  namespace,
  putReplica,
  type SyntheticPlan,
  syntheticContract,
  syntheticMesh,
} from './synthetic-mesh.ts';

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
let { mesh, files, compiler } = compileAll();
for (let round = 0; round < 3; round++) ({ mesh, files, compiler } = compileAll());

const changeMs: number[] = [];
let encoded = 0;
let changed = 0;
for (let round = 0; round < rounds; round++) {
  // A service in the middle, with another deadline for one of its methods each time.
  const name = `s${(round * 37) % plan.services}`;
  const callers = [1, 2, 3].map((k) => `s${(Number(name.slice(1)) - k + plan.services) % plan.services}`);
  const calls = callsOf(plan, Number(name.slice(1)));
  const set = syntheticContract({ name, methods: plan.methods, callers, calls, deadlineMs: 2000 + round });
  const before = resourcesOf(compiler);
  mesh.contract(namespace, name, set);
  putReplica(mesh, `${name}-0`, contractHash(set));
  const touched = [`contracts/${namespace}/${name}.binpb`, `${namespace}/workloads/${name}-0.yaml`];

  hashed = 0;
  const begin = performance.now();
  for (const path of touched) files.put(path, mesh.files.get(path) ?? new Uint8Array());
  const { changes } = compiler.turn(() => files.tell(), 0);
  changeMs.push(performance.now() - begin);
  if (changes.length === 0) throw new Error('the change reached no proxy');

  encoded += hashed;
  changed += [...resourcesOf(compiler)].filter((resource) => !before.has(resource)).length;
}
const contents = (count: number) => (count / rounds).toFixed(1);
console.log(`everything   ${spread(fullMs, 'ms')}  ${encodedInFull} resources encoded`);
console.log(`one method   ${spread(changeMs, 'ms')}  ${contents(encoded)} encoded, ${contents(changed)} changed`);
console.log(`ratio compile/time-to-full ${(median(changeMs) / median(fullMs)).toFixed(4)}`);
console.log(`ratio compile/encoded-to-changed ${(encoded / changed).toFixed(2)}`);

function compileAll() {
  const mesh = syntheticMesh(plan);
  const graph = new Graph();
  const files = new MeshFiles(graph);
  const compiler = new MeshCompiler(graph, files.facts);
  const begin = performance.now();
  for (const [path, bytes] of mesh.files) files.put(path, bytes);
  hashed = 0;
  compiler.turn(() => {
    files.tell();
    for (let n = 0; n < plan.services; n++) compiler.connect(`${namespace}/s${n}-0`);
  }, 0);
  fullMs.push(performance.now() - begin);
  const [problem] = compiler.mesh.problems;
  if (problem) throw new Error(JSON.stringify(problem));
  encodedInFull = hashed;
  return { mesh, files, compiler };
}

function resourcesOf(compiler: MeshCompiler): Set<Resource> {
  const found = new Set<Resource>();
  for (const id of compiler.mesh.workloads.keys()) {
    for (const resources of compiler.snapshot(id)?.values() ?? []) for (const one of resources.values()) found.add(one);
  }
  return found;
}
