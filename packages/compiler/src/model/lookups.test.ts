import { Graph } from '@weft/collections';
import test from 'ava';
import { contractHash } from '../contracts/contract-hash.ts';
import { parseDirectory } from '../mesh-directory/parse-directory.ts';
import { descriptorSet, MeshDirectory } from '../testing/mesh-directory.ts';
import { assemble } from '../translation/assemble.ts';
import { callerName } from './caller-name.ts';
import { CollectionLookups } from './collection-lookups.ts';
import type { MeshLookups } from './lookups.ts';
import type { Mesh, SpiffeId } from './mesh.ts';
import { isExposed } from './method.ts';
import type { Service } from './service.ts';
import type { Workload } from './workload.ts';

const names = ['catalog', 'orders', 'payments'];

function bakery() {
  const directory = new MeshDirectory().edge('127.0.0.1:8080');
  for (const name of names) {
    const set = descriptorSet(`bakery.${name}`);
    directory.contract('bakery', `bakery.${name}`, set).service(name);
    for (const index of [0, 1]) {
      directory.replica(`${name}-${index}`, { contract: contractHash(set), account: name });
    }
  }
  return assemble(parseDirectory(directory.files));
}

/** The same mesh in collections, after one turn for each of its parts. */
function inCollections(mesh: Mesh): MeshLookups {
  const graph = new Graph();
  const services = graph.source<Service>('services');
  const workloads = graph.source<Workload>('workloads');
  const identities = graph.source<readonly SpiffeId[]>('identities');
  const lookups = new CollectionLookups({ services, workloads, identities });
  for (const workload of mesh.workloads.values()) graph.turn(() => workloads.set(workload.id, workload));
  for (const service of mesh.services.values()) {
    graph.turn(() => services.set(service.id, { ...service, workloads: [], hosts: [], methods: new Map() }));
    graph.turn(() => services.set(service.id, service));
  }
  graph.turn(() => identities.replace(mesh.identities));
  return lookups;
}

for (const [kind, make] of [
  ['collections', inCollections],
  ['a live mesh', (mesh: Mesh) => mesh.lookups],
] as const) {
  test(`lookups in ${kind} find what a walk over all of the mesh finds`, (t) => {
    const mesh = bakery();
    const lookups = make(mesh);
    const services = [...mesh.services.values()];
    t.true(services.length === 3 && mesh.workloads.size === 7);
    for (const { id, pod } of mesh.workloads.values()) {
      const found = services.filter(({ workloads }) => workloads.includes(id));
      t.deepEqual(lookups.servicesOf(id), found, id);
      for (const address of pod?.addresses ?? []) t.is(lookups.workloadAt(address), id);
    }
    t.is(lookups.workloadAt('192.0.2.1'), undefined);
    const hosts = services.flatMap((service) => [...service.hosts, service.logicalName ?? '', service.name]);
    for (const host of hosts) {
      const found = services.filter((service) => service.hosts.includes(host) || service.logicalName === host);
      t.deepEqual(lookups.servicesNamed(host), found, host);
    }
    const paths = services.flatMap(({ methods }) => [...methods.keys()]);
    t.true(paths.length > 10);
    for (const path of [...paths, '/none']) {
      const found = services.filter(({ methods }) => methods.has(path));
      t.deepEqual(lookups.servicesWithMethod(path), found, path);
    }
    for (const [name, accounts] of mesh.identities) for (const account of accounts) t.is(lookups.nameOf(account), name);
    const exposing = services.filter(({ methods }) => [...methods.values()].some(isExposed));
    t.true(exposing.length > 0);
    t.deepEqual(lookups.exposingServices(), exposing);
    t.is(callerName({ ...mesh, lookups }, 'bakery/orders-1'), 'bakery.orders');
  });
}
