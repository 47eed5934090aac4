import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Graph } from '@weft/collections';
import type { Facts } from '@weft/compiler/facts/facts';
import { FactsAfterTurn } from '@weft/compiler/testing/facts-after-turn';
import { descriptorSet } from '@weft/test-contracts';
import test, { type ExecutionContext } from 'ava';
import { type DirectorySource, directorySource } from './directory.ts';
import { LastGoodStore } from './last-good-store.ts';

const meshYaml = 'apiVersion: weft.dev/v1\nkind: MeshConfig\nmetadata: {name: mesh}\nspec: {packages: []}\n';

function service(name: string, port: number | string = 80): string {
  return `apiVersion: v1\nkind: Service\nmetadata: {namespace: bakery, name: ${name}}\nspec: {selector: {app: ${name}}, ports: [{port: ${port}}]}\n`;
}

function workload(name: string, contract: string): string {
  return `apiVersion: weft.dev/v1\nkind: Workload\nmetadata: {namespace: bakery, name: ${name}}\nspec: {serviceAccount: a, contract: "${contract}"}\n`;
}

interface Fixture {
  directory: string;
  now: () => Facts;
  until: (holds: (facts: Facts) => boolean) => Promise<Facts>;
  restart: () => Promise<void>;
  put: (path: string, content: string | Uint8Array) => Promise<void>;
}

async function fixture(t: ExecutionContext, rescanMs = 60_000, stateIsFile = false): Promise<Fixture> {
  const base = await mkdtemp(join(tmpdir(), 'weft-dir-'));
  const directory = join(base, 'mesh');
  const state = join(base, 'state');
  await mkdir(directory);
  if (stateIsFile) await writeFile(state, 'not a directory');
  await writeFile(join(directory, 'mesh.yaml'), meshYaml);
  let latest: Facts | undefined;
  let waiters: (() => void)[] = [];
  const onFacts = (facts: Facts) => {
    latest = facts;
    for (const wake of waiters.splice(0)) wake();
  };
  const open = async () => {
    const graph = new Graph();
    const opened = directorySource(graph, { directory, store: new LastGoodStore(state), rescanMs });
    const afterTurn = new FactsAfterTurn(opened.facts);
    await opened.open((change) => {
      const turn = graph.turn(change);
      onFacts(afterTurn.take(turn));
      return turn;
    });
    return opened;
  };
  let source: DirectorySource = await open();
  t.teardown(async () => {
    await source.close();
    await rm(base, { recursive: true });
  });
  const now = () => {
    if (latest === undefined) throw new Error('no facts yet');
    return latest;
  };
  return {
    directory,
    now,
    until: async (holds) => {
      while (!holds(now())) await new Promise<void>((resolve) => waiters.push(resolve));
      waiters = [];
      return now();
    },
    restart: async () => {
      await source.close();
      source = await open();
    },
    put: async (path, content) => {
      await mkdir(join(directory, path, '..'), { recursive: true });
      await writeFile(join(directory, `${path}.tmp`), content);
      await rename(join(directory, `${path}.tmp`), join(directory, path));
    },
  };
}

test('files that come, change and go; unchanged parts stay the same objects', async (t) => {
  const { directory, until, now, put } = await fixture(t);
  await put('a.yaml', service('a'));
  await put('new/deep/b.yaml', service('b'));
  const before = await until((facts) => facts.services.length === 2);
  await put('new/deep/b.yaml', service('b', 81));
  const after = await until((facts) => facts.services[1]?.ports[0]?.port === 81);
  t.is(after.services[0], before.services[0]);
  t.is(after.settings, before.settings);
  t.is(after.workloads, before.workloads);
  await rm(join(directory, 'new'), { recursive: true });
  await until((facts) => facts.services.length === 1);
  t.is(now().services[0], before.services[0]);
  t.deepEqual(now().problems, []);
});

test('a document that breaks keeps its last good form, over a restart too, until it is mended or removed', async (t) => {
  const { directory, until, now, put, restart } = await fixture(t);
  await put('a.yaml', `${service('a')}---\n${service('b')}`);
  await until((facts) => facts.services.length === 2);
  await put('a.yaml', `${service('a', '"x"')}---\n${service('b', 81)}`);
  await until((facts) => facts.problems.length === 1);
  const ports = () => Object.fromEntries(now().services.map(({ name, ports }) => [name, ports[0]?.port]));
  t.deepEqual(ports(), { a: 80, b: 81 });
  t.like(now().problems[0], { resource: 'a.yaml', field: 'spec.ports[0].port' });
  t.regex(now().problems[0]?.message ?? '', /its last good version stays in use$/);
  await restart();
  t.deepEqual(ports(), { a: 80, b: 81 });
  t.is(now().problems.length, 1);
  await put('a.yaml', 'kind: [');
  await until((facts) => /column/.test(facts.problems[0]?.message ?? ''));
  t.deepEqual(ports(), { a: 80, b: 81 });
  await put('a.yaml', '');
  await until((facts) => /^is empty/.test(facts.problems[0]?.message ?? ''));
  t.deepEqual(ports(), { a: 80, b: 81 });
  await put('a.yaml', service('b', 82));
  await until((facts) => facts.problems.length === 0);
  t.deepEqual(ports(), { b: 82 });
  await rm(join(directory, 'a.yaml'));
  await until((facts) => facts.services.length === 0);
});

test('a contract that breaks keeps its last good form, over a restart too', async (t) => {
  const { until, now, put, restart } = await fixture(t);
  const orders = descriptorSet('bakery.orders');
  await put('contracts/bakery/bakery.orders.binpb', orders);
  const good = (await until((facts) => facts.contracts.length === 1)).contracts[0];
  await put('contracts/bakery/bakery.orders.binpb', orders.subarray(0, 1000));
  await until((facts) => facts.problems.length === 1);
  t.is(now().contracts[0], good);
  await restart();
  t.deepEqual(now().contracts[0], good);
  t.is(now().problems[0]?.resource, 'contracts/bakery/bakery.orders.binpb');
});

test('a replaced contract stays known while a replica runs it', async (t) => {
  const { directory, until, now, put, restart } = await fixture(t);
  await put('contracts/bakery/c.binpb', descriptorSet('bakery.orders'));
  const first = (await until((facts) => facts.contracts.length === 1)).contracts[0]?.hash ?? '';
  await put('w.yaml', workload('w', first));
  await until((facts) => facts.workloads.length === 1);
  await put('contracts/bakery/c.binpb', descriptorSet('bakery.catalog'));
  await until((facts) => facts.contracts.length === 2);
  t.true(now().contracts.some(({ hash }) => hash === first));
  await restart();
  t.is(now().contracts.length, 2);
  t.true(now().contracts.some(({ hash }) => hash === first));
  await rm(join(directory, 'w.yaml'));
  await until((facts) => facts.contracts.length === 1);
  t.not(now().contracts[0]?.hash, first);
});

test('a directory that vanishes does not empty the mesh', async (t) => {
  const { directory, until, now, put, restart } = await fixture(t, 20);
  await put('a.yaml', service('a'));
  await until((facts) => facts.services.length === 1);
  await rename(directory, `${directory}-away`);
  await until((facts) => facts.problems.length === 1);
  t.is(now().services.length, 1);
  t.is(now().problems[0]?.resource, 'the mesh directory');
  await restart();
  t.is(now().services.length, 1);
  await rename(`${directory}-away`, directory);
  await until((facts) => facts.problems.length === 0);
  await put('b.yaml', service('b'));
  await until((facts) => facts.services.length === 2);
});

test('files that cannot be read or kept are problems, not ends', async (t) => {
  const { directory, until, now, put } = await fixture(t, 20, true);
  await put('a.yaml', service('a'));
  await until((facts) => facts.services.length === 1);
  if (process.getuid?.() !== 0) {
    await chmod(join(directory, 'a.yaml'), 0);
    await until((facts) => facts.problems.some((problem) => problem.resource === 'a.yaml'));
    t.is(now().services.length, 1);
    await chmod(join(directory, 'a.yaml'), 0o600);
    await until((facts) => !facts.problems.some((problem) => problem.resource === 'a.yaml'));
  }
  await put('b.yaml', service('b'));
  await until((facts) => facts.services.length === 2);
  await until((facts) => facts.problems.length > 0);
  t.like(now().problems[0], { resource: 'the state directory' });
});
