import { Graph } from '@weft/collections';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import type { Facts } from '@weft/compiler/facts/facts';
import { FactsAfterTurn } from '@weft/compiler/testing/facts-after-turn';
import { descriptorSet } from '@weft/test-contracts';
import type { ExecutionContext } from 'ava';
import { watched } from '../../kubernetes/cluster-objects.ts';
import { FakeApiServer } from '../../kubernetes/fake-api-server.fixture.ts';
import { type KubernetesSource, kubernetesSource } from './kubernetes.ts';

/** The descriptor set of bakery.orders, and its hash. */
export const ordersContract = descriptorSet('bakery.orders');
export const ordersHash = contractHash(ordersContract);

/** Times that make tests quick: nothing waits for longer than it must. */
export const quick = { firstRetryMs: 5, lastRetryMs: 20, absentMs: 20 };

/** Objects as users and controllers write them. */
export const objects = {
  namespace: (name: string, labels: Record<string, string> = { 'weft.dev/inject': 'true' }) => ({
    metadata: { name, labels },
  }),
  meshConfig: (spec: object = { packages: [{ namespace: 'bakery', protoPackage: 'bakery' }] }, name = 'mesh') => ({
    metadata: { name },
    spec,
  }),
  service: (name: string, more: { labels?: object; spec?: object; namespace?: string } = {}) => ({
    metadata: { namespace: more.namespace ?? 'bakery', name, labels: more.labels ?? {} },
    spec: {
      selector: { app: name },
      ports: [{ name: 'grpc', port: 80, targetPort: 'grpc', appProtocol: 'grpc', protocol: 'TCP' }],
      clusterIP: '10.0.0.10',
      clusterIPs: ['10.0.0.10'],
      ...more.spec,
    },
  }),
  pod: (name: string, more: { app?: string; ip?: string; ready?: boolean; metadata?: object; spec?: object } = {}) => {
    const { app = 'orders', ip = '10.1.0.1', ready = true, metadata = {}, spec = {} } = more;
    const condition = ready
      ? { type: 'Ready', status: 'True' }
      : { type: 'Ready', status: 'False', message: 'containers with unready status: [orders]' };
    return {
      metadata: {
        namespace: 'bakery',
        name,
        labels: { app, 'weft.dev/injected': 'redirect', 'weft.dev/contract': ordersHash },
        ...metadata,
      },
      spec: {
        serviceAccountName: app,
        initContainers: [{ name: 'weft-proxy', ports: [{ name: 'weft-stats', containerPort: 9901 }] }],
        containers: [{ name: app, ports: [{ name: 'grpc', containerPort: 8080 }] }],
        ...spec,
      },
      status: { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions: [condition] },
    };
  },
  slice: (name: string, pods: readonly { name: string; ready: boolean; zone?: string }[]) => ({
    metadata: { namespace: 'bakery', name },
    addressType: 'IPv4',
    endpoints: pods.map(({ name: pod, ready, zone }) => ({
      conditions: { ready },
      zone,
      targetRef: { kind: 'Pod', namespace: 'bakery', name: pod },
    })),
  }),
  contract: (bytes: Uint8Array = ordersContract, part = '1/1', name = 'orders', hash = contractHash(bytes)) => ({
    metadata: {
      namespace: 'bakery',
      name: `weft-contract-${name}`,
      labels: { 'weft.dev/contract': hash },
      annotations: { 'weft.dev/contract-part': part },
    },
    immutable: true,
    binaryData: { 'bakery.orders.binpb': Buffer.from(bytes).toString('base64') },
  }),
};

/** The API's collections, by what is watched there. */
export const paths = {
  services: watched.services.path,
  namespaces: watched.namespaces.path,
  pods: watched.pods.path,
  slices: watched.endpointSlices.path,
  contracts: watched.contracts.path,
  meshConfigs: watched.meshConfigs.path,
  meshPolicies: watched.meshPolicies.path,
};

/** A cluster with the orders service, its contract and one replica. */
export function fill(fake: FakeApiServer): void {
  fake.put(paths.namespaces, objects.namespace('bakery'));
  fake.put(paths.meshConfigs, objects.meshConfig());
  fake.put(paths.services, objects.service('orders'));
  fake.put(paths.contracts, objects.contract());
  fake.put(paths.pods, objects.pod('orders-0'));
  fake.put(paths.slices, objects.slice('orders-abc', [{ name: 'orders-0', ready: true, zone: 'eu-1a' }]));
}

/** A source that follows a fake cluster. */
export interface Followed {
  readonly fake: FakeApiServer;
  readonly source: KubernetesSource;
  /** Resolves after the first turn. */
  readonly synced: Promise<void>;
  /** Everything that was said, in order. */
  readonly said: readonly Facts[];
  now(): Facts;
  until(what: string, holds: (facts: Facts) => boolean): Promise<Facts>;
}

/** Follows a fake cluster. */
export async function follow(t: ExecutionContext, prepare: (fake: FakeApiServer) => void = fill): Promise<Followed> {
  const fake = await FakeApiServer.start(t);
  prepare(fake);
  const said: Facts[] = [];
  const waiting = new Set<() => void>();
  const api = fake.api();
  const graph = new Graph();
  const source = kubernetesSource(graph, { api, times: quick });
  const afterTurn = new FactsAfterTurn(source.facts);
  const synced = source.open((change) => {
    const turn = graph.turn(change);
    const facts = afterTurn.take(turn);
    if (facts === said.at(-1)) return turn;
    said.push(facts);
    for (const wake of [...waiting]) wake();
    return turn;
  });
  synced.catch(() => undefined);
  t.teardown(async () => {
    fake.release();
    await source.close();
    api.close();
  });
  const now = () => {
    const facts = said.at(-1);
    if (facts === undefined) throw new Error('no facts yet');
    return facts;
  };
  const until = (what: string, holds: (facts: Facts) => boolean) =>
    new Promise<Facts>((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(look);
        reject(new Error(`not in time: ${what}; ${JSON.stringify(said.at(-1)?.problems)}`));
      }, 30_000);
      const look = () => {
        const facts = said.at(-1);
        if (facts === undefined || !holds(facts)) return;
        waiting.delete(look);
        clearTimeout(timer);
        resolve(facts);
      };
      waiting.add(look);
      look();
    });
  return { fake, source, synced, said, now, until };
}
