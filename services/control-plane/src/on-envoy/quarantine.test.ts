import { contractHash } from '@weft/compiler/contracts/contract-hash';
import type { Contribution } from '@weft/compiler/envoy/contribution';
import { isProbe } from '@weft/compiler/envoy/listener-probe';
import { typeUrls } from '@weft/compiler/envoy/resource';
import { MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import { says, spoiled } from '@weft/compiler/testing/spoiled-contribution';
import { type TinyMethod, tinyContract, tinyPath } from '@weft/compiler/testing/tiny-contract';
import type { RunningEnvoy } from '@weft/dev-envoy';
import { Exposure } from '@weft/policy/weft/policy/v1/policy';
import anyTest, { type TestFn } from 'ava';
import { LocalClient } from '../xds/testing/local-client.ts';
import { freePorts } from './testing/free-ports.ts';
import { startLoad } from './testing/load.ts';
import { type RawApplication, startRawApplication } from './testing/raw-application.ts';
import { RawCaller } from './testing/raw-call.ts';
import { counter } from './testing/running-bakery.ts';
import { until } from './testing/running-control-plane.ts';
import { RunningLiveMesh } from './testing/running-live-mesh.ts';

// A bug of the compiler makes routes that Envoy refuses, for every contract with a method named Poison. The tenants aaa, mmm and zzz
// share an edge and a caller.

const tenants = ['aaa', 'mmm', 'zzz'] as const;
type Tenant = (typeof tenants)[number];

interface Context {
  readonly mesh: RunningLiveMesh;
  readonly directory: MeshDirectory;
  readonly edge: RawCaller;
  readonly edges: RunningEnvoy[];
  readonly front: RawCaller;
  readonly ports: readonly number[];
  readonly applications: readonly RawApplication[];
}

const test = anyTest as TestFn<Context>;
const nameOf = (tenant: Tenant) => `${tenant}.leaf`;

/** Publishes a contract with these methods, and has the tenant's replica run it. */
function publish(
  { directory, mesh, ports }: Pick<Context, 'directory' | 'mesh' | 'ports'>,
  tenant: Tenant,
  ...methods: string[]
) {
  const open: TinyMethod = { policy: { exposure: Exposure.EDGE, callers: { names: ['front.front', 'liar.liar'] } } };
  const set = tinyContract(nameOf(tenant), Object.fromEntries(methods.map((method) => [method, open])));
  directory.contract(tenant, nameOf(tenant), set);
  directory.service('leaf', tenant);
  const port = ports[tenants.indexOf(tenant)];
  directory.replica('leaf-0', {
    namespace: tenant,
    contract: contractHash(set),
    inbound: `127.0.0.1:${port}`,
    application: `unix:${mesh.dir}/${tenant}.app`,
  });
}

const call = (caller: RawCaller, tenant: Tenant, method: string) =>
  caller.call({ authority: nameOf(tenant), path: tinyPath(nameOf(tenant), method) });

test.before(async (t) => {
  const ports = await freePorts(7);
  const at = (index: number) => `127.0.0.1:${ports[index]}`;
  const packages = [...tenants, 'front', 'liar'].map((namespace) => ({ namespace, protoPackage: namespace }));
  const directory = new MeshDirectory({ packages });
  directory.edge(at(3));
  directory.put('weft/workloads/edge-1.yaml', {
    kind: 'Workload',
    metadata: { namespace: 'weft', name: 'edge-1' },
    spec: { serviceAccount: 'edge', gateway: { name: 'edge', listen: at(4) } },
    status: { ready: true },
  });
  const calls = tenants.map(nameOf);
  const front = tinyContract('front.front', { Call: {} }, { calls });
  directory.contract('front', 'front.front', front).service('front', 'front');
  directory.replica('front-0', {
    namespace: 'front',
    contract: contractHash(front),
    inbound: at(5),
    application: 'unix:/nobody',
    outbound: at(6),
  });
  const liar = tinyContract('liar.liar', { Call: {} }, { calls });
  directory.contract('liar', 'liar.liar', liar).service('liar', 'liar');
  for (const [namespace, name, set] of [
    ['liar', 'liar-0', liar],
    ['front', 'front-1', front],
  ] as const) {
    directory.replica(name, { namespace, contract: contractHash(set), outbound: '127.0.0.1:1' });
  }
  const mesh = await RunningLiveMesh.start(directory, {
    spoil: (collection, _, output) => {
      if (collection !== 'gateway parts' && collection !== 'virtual hosts') return output;
      // These two collections hold contributions.
      const contribution = output as Contribution | undefined;
      return contribution && says(contribution, '/Poison') ? spoiled(contribution) : contribution;
    },
  });
  for (const tenant of tenants) publish({ directory, mesh, ports }, tenant, 'First');
  mesh.apply(directory);
  const applications = await Promise.all(tenants.map((tenant) => startRawApplication(`${mesh.dir}/${tenant}.app`)));
  for (const tenant of tenants) await mesh.startProxy(`${tenant}/leaf-0`);
  await mesh.startProxy('front/front-0');
  const edges = [await mesh.startProxy('weft/edge-0')];
  const context = {
    mesh,
    directory,
    ports,
    applications,
    edges,
    edge: new RawCaller(at(3)),
    front: new RawCaller(at(6)),
  };
  Object.assign(t.context, context);
  for (const caller of [context.edge, context.front]) {
    for (const tenant of tenants) await until(async () => (await call(caller, tenant, 'First')).grpcStatus === '0');
  }
});

test.after.always(async (t) => {
  const { mesh, edge, front, applications = [] } = t.context;
  edge?.close();
  front?.close();
  await Promise.all(applications.map((application) => application.away()));
  await mesh?.stop();
});

/** How long it took until a method is served at the edge and at the caller, from now. */
async function untilServed({ edge, front }: Context, tenant: Tenant, method: string): Promise<number> {
  const begun = performance.now();
  for (const caller of [edge, front]) await until(async () => (await call(caller, tenant, method)).grpcStatus === '0');
  return performance.now() - begun;
}

test.serial('what Envoy refuses is set aside and named; its last good form and everybody else go on', async (t) => {
  const { mesh, directory, edge, front } = t.context;
  const loads = [edge, front].flatMap((caller) =>
    tenants.map((tenant) => startLoad(() => call(caller, tenant, 'First'), 1)),
  );
  publish(t.context, 'mmm', 'First', 'Poison');
  publish(t.context, 'zzz', 'First', 'Second');
  mesh.apply(directory);
  const ms = await untilServed(t.context, 'zzz', 'Second');
  t.true(ms < 2000, `${ms} ms`);
  t.log(`another tenant's change in force after ${Math.round(ms)} ms`);
  await until(() => mesh.problems.length > 0 && mesh.log.some((line) => line.includes('set aside')));
  t.deepEqual(
    mesh.problems.map(({ resource }) => resource),
    ['contracts/mmm/mmm.leaf.binpb'],
  );
  await until(
    () => /front\.front, gateway edge; the last good form serves/.test(mesh.problems[0]?.message ?? ''),
    () => JSON.stringify(mesh.problems),
  );
  t.regex(mesh.problems[0]?.message ?? '', /missing|regex/i);
  for (const load of loads) await load.stop();
  t.deepEqual(
    loads.flatMap(({ failures }) => failures),
    [],
  );
});

test.serial('a proxy that starts then is not sent what is set aside', async (t) => {
  const { mesh, ports, edges } = t.context;
  const envoy = await mesh.startProxy('weft/edge-1');
  edges.push(envoy);
  const caller = new RawCaller(`127.0.0.1:${ports[4]}`);
  for (const tenant of tenants) await until(async () => (await call(caller, tenant, 'First')).grpcStatus === '0');
  t.is(await counter(envoy, 'http.gateway_edge.rds.gateway|edge.update_rejected'), 0);
  t.is(await counter(envoy, 'http.gateway_edge.rds.gateway|edge.update_success'), 1);
  caller.close();
});

test.serial('several at once, and a change of one releases it alone', async (t) => {
  const { mesh, directory, edge } = t.context;
  publish(t.context, 'aaa', 'First', 'Poison', 'More');
  publish(t.context, 'mmm', 'First', 'Poison', 'More');
  publish(t.context, 'zzz', 'First', 'Third');
  mesh.apply(directory);
  const ms = await untilServed(t.context, 'zzz', 'Third');
  t.true(ms < 2000, `${ms} ms`);
  const named = () => mesh.problems.map(({ resource }) => resource).sort();
  const both = ['contracts/aaa/aaa.leaf.binpb', 'contracts/mmm/mmm.leaf.binpb'];
  await until(
    () => `${named()}` === `${both}`,
    () => `${named()}`,
  );
  t.is((await call(edge, 'aaa', 'More')).grpcStatus, '12');
  t.is((await call(edge, 'aaa', 'First')).grpcStatus, '0');
  publish(t.context, 'aaa', 'First', 'More');
  mesh.apply(directory);
  await untilServed(t.context, 'aaa', 'More');
  await until(
    () => `${named()}` === 'contracts/mmm/mmm.leaf.binpb',
    () => `${named()}`,
  );
});

test.serial('a proxy that refuses what others contribute loses it, and nobody else does', async (t) => {
  const { mesh, directory } = t.context;
  const liar = new LocalClient(mesh.live.delivery, 'liar/liar-0');
  let probes = 0;
  const answer = () => {
    for (const { typeUrl, nonce, resources } of liar.received.splice(0)) {
      const isRefused = resources.some(({ resource }) => Buffer.from(resource?.value ?? []).includes('/First'));
      probes += resources.filter(({ name }) => isProbe(name)).length;
      const errorDetail = { code: 13, message: 'Error adding/updating listener(s): a lie' };
      liar.ask({ typeUrl, responseNonce: nonce, ...(isRefused ? { errorDetail } : {}) });
    }
  };
  liar.ask({ typeUrl: typeUrls.listener, resourceNamesSubscribe: [] });
  liar.ask({ typeUrl: typeUrls.route, resourceNamesSubscribe: ['outbound'] });
  const told = () => mesh.problems.filter(({ message }) => message.includes('liar.liar; it is left out there: '));
  await until(
    () => {
      answer();
      return told().length === 3;
    },
    () => JSON.stringify(mesh.problems),
  );
  t.true(probes < 12, `${probes}`);
  publish(t.context, 'zzz', 'First', 'Sixth');
  mesh.apply(directory);
  t.true((await untilServed(t.context, 'zzz', 'Sixth')) < 2000);
  liar.stream.closed();
});

test.serial('a proxy that refuses everything has nothing set aside, for nobody', async (t) => {
  const { mesh, directory, edge, front } = t.context;
  const ofOthers = () =>
    mesh.problems.filter(({ resource }) => !resource.startsWith('Workload ')).map(({ resource }) => resource);
  const before = ofOthers();
  for (const id of ['liar/liar-0', 'front/front-1'] as const) {
    const liar = new LocalClient(mesh.live.delivery, id);
    const subscribed = { [typeUrls.listener]: [], [typeUrls.route]: ['outbound'] };
    for (const [typeUrl, names] of Object.entries(subscribed)) liar.ask({ typeUrl, resourceNamesSubscribe: names });
    const refuseAll = () => {
      for (const { typeUrl, nonce } of liar.received.splice(0)) {
        liar.ask({ typeUrl, responseNonce: nonce, errorDetail: { code: 13, message: 'no: I will not take this' } });
      }
      return mesh.problems.some(
        ({ resource, message }) => resource === `Workload ${id}` && message.includes('nothing is set aside'),
      );
    };
    await until(refuseAll, () => JSON.stringify(mesh.problems));
    liar.stream.closed();
  }
  t.deepEqual(ofOthers(), before);
  publish(t.context, 'zzz', 'First', 'Fifth');
  mesh.apply(directory);
  await untilServed(t.context, 'zzz', 'Fifth');
  for (const caller of [edge, front]) t.is((await call(caller, 'aaa', 'More')).grpcStatus, '0');
});

for (const remembers of [true, false]) {
  const title = remembers ? 'remembers it' : 'remembers nothing finds it again';
  test.serial(`a control plane that starts anew and ${title}, while the edge serves on`, async (t) => {
    const { mesh, directory, edge } = t.context;
    const served = remembers ? tenants : (['aaa', 'zzz'] as const);
    const loads = served.map((tenant) => startLoad(() => call(edge, tenant, 'First'), 1));
    await mesh.restart(remembers);
    await until(() => mesh.problems.some(({ resource }) => resource === 'contracts/mmm/mmm.leaf.binpb'));
    publish(t.context, 'zzz', 'First', `Next${remembers}`);
    mesh.apply(directory);
    await untilServed(t.context, 'zzz', `Next${remembers}`);
    for (const load of loads) await load.stop();
    t.deepEqual(
      loads.flatMap(({ failures }) => failures),
      [],
    );
  });
}

test.serial('a last good form that an earlier control plane had sent serves on', async (t) => {
  const { mesh, directory, edge, front } = t.context;
  for (const tenant of tenants) publish(t.context, tenant, 'First');
  mesh.apply(directory);
  await until(
    () => mesh.problems.every(({ resource }) => resource.startsWith('Workload ')),
    () => JSON.stringify(mesh.problems),
  );
  for (const caller of [edge, front]) {
    for (const tenant of tenants) await until(async () => (await call(caller, tenant, 'First')).grpcStatus === '0');
  }
  await mesh.restart(false);
  await until(() => mesh.live.delivery.proxies().size === 6);
  const loads = [edge, front].flatMap((caller) =>
    tenants.map((tenant) => startLoad(() => call(caller, tenant, 'First'), 1)),
  );
  publish(t.context, 'aaa', 'First', 'Poison');
  mesh.apply(directory);
  await until(() => /front\.front, gateway edge; the last good form/.test(mesh.problems[0]?.message ?? ''));
  for (const load of loads) await load.stop();
  t.deepEqual(
    loads.flatMap(({ failures }) => failures),
    [],
  );
});

test.serial(
  'an edge that knows nothing, and a control plane that knows nothing: everybody else is served',
  async (t) => {
    const { mesh, edge, edges } = t.context;
    await Promise.all(edges.map((envoy) => envoy.kill()));
    await mesh.restart(false);
    await mesh.startProxy('weft/edge-0');
    const begun = performance.now();
    for (const tenant of ['mmm', 'zzz'] as const)
      await until(async () => (await call(edge, tenant, 'First')).grpcStatus === '0');
    const ms = performance.now() - begun;
    t.true(ms < 2000, `${ms} ms`);
    t.is((await call(edge, 'aaa', 'First')).grpcStatus, '12');
  },
);
