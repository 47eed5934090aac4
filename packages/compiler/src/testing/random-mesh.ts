import { MethodOptions_IdempotencyLevel as Level } from '@bufbuild/protobuf/wkt';
import { Exposure } from '@weft/policy/weft/policy/v1/policy';
import fc from 'fast-check';
import { contractHash } from '../contracts/contract-hash.ts';
import { defaultSettings } from '../facts/default-settings.ts';
import {
  contractFactKey,
  type FactOf,
  type FactSources,
  resourceKey,
  serviceKey,
  settingsKey,
} from '../facts/fact-collections.ts';
import type { ContractFact, GatewayFact, Resource, ServiceFact } from '../facts/facts.ts';
import type { ExternalService } from '../model/external-service.ts';
import type { MeshSettings, WorkloadId } from '../model/mesh.ts';
import type { Workload } from '../model/workload.ts';
import { tinyContract } from './tiny-contract.ts';

// Meshes in which everything may meet everything: few names, so that facts share them, and values that contradict each other.

/** Sets a fact, or removes it. */
export type FactEvent = { readonly [C in keyof FactSources]: FactEventOf<C> }[keyof FactSources];

interface FactEventOf<C extends keyof FactSources> {
  readonly of: C;
  readonly key: string;
  readonly value: FactOf<C> | undefined;
}

/** A proxy connects, or is gone. */
export interface ConnectionEvent {
  readonly of: 'connections';
  readonly key: WorkloadId;
  readonly value: true | undefined;
}

export type MeshEvent = FactEvent | ConnectionEvent;

/** Events that happen at once, after a while. */
export interface RandomTurn {
  readonly events: readonly MeshEvent[];
  readonly laterMs: number;
}

/** When the first turn of a random mesh is. Epoch milliseconds. */
export const firstMs = Date.parse('2026-06-01T12:00:00Z');

const minuteMs = 60_000;
const namespace = fc.constantFrom('bakery', 'depot');
const serviceName = fc.constantFrom('a', 'b', 'c');
/** What many events of one kind remove. */
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { freq: 4, nil: undefined });

/** Absent: it is there. */
function isThere(choice: { readonly there?: true | undefined }): boolean {
  return !('there' in choice) || choice.there === true;
}

/** Descriptor sets that are in order, and some that are not. */
const sets: readonly Uint8Array[] = [
  tinyContract(
    'bakery.a',
    {
      Get: { level: Level.NO_SIDE_EFFECTS, http: { verb: 'get', path: '/v1/{name}' }, policy: { retry: {} } },
      Put: { policy: { callers: { names: ['depot.c'] } } },
    },
    { callers: ['bakery.b'], exposure: Exposure.EDGE, calls: ['bakery.b', 'depot.c'] },
  ),
  tinyContract(
    'bakery.a',
    { Get: { level: Level.IDEMPOTENT }, Store: { policy: { deadline: { seconds: 2n } } } },
    { callers: ['bakery.b', 'depot.c'], maxConcurrentRequests: 7 },
  ),
  tinyContract('bakery.a', { Get: {} }),
  tinyContract(
    'bakery.b',
    { Call: { http: { verb: 'get', path: '/v1/{name}' } } },
    { callers: ['bakery.a', 'back'], calls: ['bakery.a'] },
  ),
  tinyContract(
    'bakery.b',
    { Call: {}, Watch: { kind: 'server' } },
    { callers: ['bakery.a', 'depot.c', 'bakery.b'], calls: ['bakery.a', 'bakery.b', 'none.such'] },
  ),
  tinyContract(
    'depot.c',
    { Call: { http: { verb: 'get', path: '/v1/{key}' } } },
    { callers: ['bakery.a'], exposure: Exposure.EDGE, calls: ['bakery.a', 'bakery.b'] },
  ),
  // Understood by nobody: a retry of what may not be repeated, and no descriptor set at all.
  tinyContract('bakery.a', { Get: { policy: { retry: {} } } }),
  Buffer.from('none'),
];
const hashes = sets.map(contractHash);

function contractEvent(namespace: string, set: number, file: string, there: true | undefined = true): FactEvent {
  const descriptorSet = sets[set] ?? new Uint8Array();
  const origin = `contracts/${namespace}/${file}.binpb`;
  const value: ContractFact = { namespace, hash: hashes[set] ?? '', descriptorSet, origin };
  return { of: 'contracts', key: contractFactKey(value), value: there && value };
}

const contract = fc
  .tuple(namespace, fc.nat(sets.length - 1), fc.constantFrom('one', 'two'), maybe(fc.constant(true)))
  .map((given) => contractEvent(...given));

interface ServiceChoice {
  readonly there?: true | undefined;
  readonly selector?: Readonly<Record<string, string>>;
  readonly ports?: readonly {
    readonly port: number;
    readonly targetPort?: number | string | undefined;
    readonly appProtocol?: string | undefined;
  }[];
  /** "": it is headless. */
  readonly address?: string;
}

function serviceEvent(namespace: string, name: string, choice: ServiceChoice): FactEvent {
  const { selector = { app: name }, ports = [{ port: 80, appProtocol: 'grpc' }] } = choice;
  const { address = '10.96.0.9' } = choice;
  const value: ServiceFact = {
    namespace,
    name,
    selector,
    ports: ports.map(({ port, targetPort, appProtocol }) => ({
      port,
      ...(targetPort === undefined ? {} : { targetPort }),
      ...(appProtocol === undefined ? {} : { appProtocol }),
    })),
    addresses: address === '' ? [] : [address],
    headless: address === '',
    origin: `${namespace}/${name}.yaml`,
  };
  return { of: 'services', key: serviceKey(value), value: isThere(choice) ? value : undefined };
}

const port = fc.record({
  port: fc.constantFrom(80, 8080, 5432),
  targetPort: fc.constantFrom(undefined, 8080, 9090, 'main'),
  appProtocol: fc.constantFrom('grpc', 'grpc', 'grpc', 'http', 'tcp', undefined),
});
const selector = fc.constantFrom<Record<string, string>>(
  { app: 'a' },
  { app: 'b' },
  { app: 'c' },
  { app: 'a', tier: 'front' },
  {},
);
const service = fc
  .tuple(
    namespace,
    serviceName,
    fc.record({
      there: maybe(fc.constant(true)),
      selector,
      ports: fc.uniqueArray(port, { minLength: 1, maxLength: 3, selector: (each) => each.port }),
      address: fc.constantFrom('', '10.96.0.1', '10.96.0.2', 'fd00::1'),
    }),
  )
  .map((given) => serviceEvent(...given));

interface WorkloadChoice {
  readonly there?: true | undefined;
  /** `owned`: a pod whose calls are not redirected. */
  readonly kind?: 'pod' | 'owned' | 'process' | 'gateway';
  /** Decides addresses and ports. */
  readonly number?: number;
  readonly ipv6?: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly account: string;
  readonly hash?: string | undefined;
  readonly ready?: boolean;
  readonly zone?: string | undefined;
  readonly gateway?: string;
}

function workloadEvent(namespace: string, name: string, choice: WorkloadChoice): FactEvent {
  const { labels, account, hash, ready = true, zone = 'z1' } = choice;
  const id = `${namespace}/${name}` as const;
  const value: Workload = {
    id,
    namespace,
    name,
    labels,
    serviceAccount: account,
    spiffeId: `spiffe://weft.local/ns/${namespace}/sa/${account}`,
    ...(hash === undefined ? {} : { contractHash: hash }),
    ...networkOf(choice),
    ready,
    ...(zone === '' ? {} : { locality: { zone } }),
  };
  return { of: 'workloads', key: id, value: isThere(choice) ? value : undefined };
}

function networkOf({
  kind = 'pod',
  number = 1,
  ipv6 = false,
  gateway = 'edge',
}: WorkloadChoice): Pick<Workload, 'inbound' | 'outbound' | 'gateway' | 'pod'> {
  const listen = { host: '127.0.0.1', port: 2000 + number };
  if (kind === 'gateway') return { inbound: [], gateway: { name: gateway, listen } };
  if (kind === 'process') {
    const outbound = number > 2 ? {} : { outbound: { listen: { host: '127.0.0.1', port: 3000 + number } } };
    return { inbound: [{ listen, application: { unixSocket: `/run/${number}` } }], ...outbound };
  }
  return {
    inbound: [],
    pod: {
      addresses: [`10.1.0.${number}`, ...(ipv6 ? [`fd00::${number}`] : [])],
      interception: kind === 'pod' ? 'redirect' : 'none',
      ...(number === 4 ? { application: { unixSocket: '/run/app.sock' } } : {}),
      portNames: { main: 7070 },
    },
  };
}

const workload = fc
  .tuple(
    namespace,
    fc.constantFrom('w0', 'w1', 'w2', 'w3'),
    fc.record({
      there: maybe(fc.constant(true)),
      kind: fc.constantFrom('pod', 'pod', 'pod', 'owned', 'process', 'gateway'),
      number: fc.integer({ min: 1, max: 4 }),
      ipv6: fc.boolean(),
      labels: fc.constantFrom<Record<string, string>>(
        { app: 'a' },
        { app: 'a', tier: 'front' },
        { app: 'b' },
        { app: 'c' },
      ),
      account: fc.constantFrom('one', 'two', 'three'),
      hash: fc.constantFrom(undefined, ...hashes, 'nowhere'),
      ready: fc.boolean(),
      zone: fc.constantFrom('', 'z1', 'z2'),
      gateway: fc.constantFrom('edge', 'back'),
    }),
  )
  .map((given) => workloadEvent(...given));

const anyPath = fc.constantFrom('/bakery.a.v1.TestService/Get', '/bakery.b.v1.TestService/Call', '/v1/*', '/*');
const someCallers = fc.uniqueArray(fc.constantFrom('bakery.a', 'bakery.b', 'depot.c'), { minLength: 1 });
const policySpec = fc.oneof(
  fc.record({ callers: someCallers, methods: fc.array(fc.record({ path: anyPath }), { maxLength: 2 }) }),
  fc.record({ addCallers: someCallers }),
  fc.record({
    exposure: fc.constantFrom('edge', 'none'),
    maxConcurrentRequests: fc.integer({ min: 1, max: 2 }),
    accessLog: fc.constantFrom('all', 'errors'),
  }),
  fc.record({ defaults: fc.record({ deadline: fc.constantFrom('1s', '2s'), mirror: serviceName }) }),
  fc.record({ methods: fc.tuple(fc.record({ path: anyPath, retry: fc.constant({}), shadow: fc.constant({}) })) }),
  fc.record({ retryBudget: fc.constant({ percent: 5 }), nonsense: fc.constantFrom(1, undefined) }),
);
const overrideSpec = fc.oneof(
  fc.record({ deny: someCallers, methods: fc.option(fc.tuple(anyPath), { nil: undefined }) }),
  fc.record({ allow: someCallers, reason: fc.constantFrom('a ticket', '') }),
  fc.record({ noRetry: fc.constant(true), deadline: fc.constantFrom('500ms', '1h') }),
);
const resource = fc
  .record({
    namespace,
    service: serviceName,
    name: fc.constantFrom('p', 'q'),
    there: maybe(fc.constant(true)),
    what: fc.oneof(
      policySpec.map((spec) => ({ kind: 'MeshPolicy', spec })),
      overrideSpec.map((spec) => ({ kind: 'MeshOverride', spec })),
    ),
    endsMinutes: fc.constantFrom(undefined, 1, 3, 5),
    madeMinutes: fc.constantFrom(undefined, 0, 4),
  })
  .map(({ namespace, service, name, there, what, endsMinutes, madeMinutes }): FactEvent => {
    const at = (minutes: number) => new Date(firstMs + minutes * minuteMs).toISOString();
    const ends = what.kind === 'MeshOverride' && endsMinutes !== undefined ? { expires: at(endsMinutes) } : {};
    const value: Resource = {
      apiVersion: 'weft.dev/v1',
      kind: what.kind,
      metadata: { namespace, name, ...(madeMinutes === undefined ? {} : { creationTimestamp: at(madeMinutes) }) },
      spec: { service, ...what.spec, ...ends },
      origin: `${namespace}/${what.kind}-${name}.yaml`,
    };
    return { of: 'resources', key: resourceKey(value), value: there && value };
  });

const ownerships: readonly MeshSettings['packages'][] = [
  [
    { namespace: 'bakery', protoPackage: 'bakery' },
    { namespace: 'depot', protoPackage: 'depot' },
  ],
  [
    { namespace: 'bakery', protoPackage: 'bakery' },
    { namespace: 'depot', protoPackage: 'bakery.a' },
    { namespace: 'depot', protoPackage: 'edge' },
  ],
  [],
];
function settingsEvent(said: Partial<MeshSettings>, there: true | undefined = true): FactEvent {
  const value: MeshSettings = { ...defaultSettings, packages: ownerships[0] ?? [], ...said };
  return { of: 'settings', key: settingsKey, value: there && value };
}

const settings = fc
  .record({
    there: fc.option(fc.constant(true), { freq: 9, nil: undefined }),
    packages: fc.constantFrom(...ownerships),
    outbound: fc.constantFrom('allow', 'deny'),
    zoneAware: fc.boolean(),
    accessLog: fc.constantFrom('all', 'sampled'),
    accessLogs: fc.constantFrom<MeshSettings['accessLogs']>([], [{ namespace: 'bakery', level: 'off' }]),
    permissive: fc.constantFrom<MeshSettings['permissive']>(
      [],
      [{ namespace: 'bakery', labels: { app: 'a' } }],
      [{ namespace: 'bakery', labels: {}, port: 8080 }],
    ),
    tracing: fc.constantFrom(undefined, { host: '10.9.0.1', port: 4317, samplingPercent: 10 }),
  })
  .map(({ there, tracing, ...said }) =>
    settingsEvent({ ...said, ...(tracing === undefined ? {} : { tracing }) }, there),
  );

function gatewayEvent(name: string, said: Partial<GatewayFact>, there: true | undefined = true): FactEvent {
  const limits = { maxHeaderBytes: 1000, maxHeaders: 10, maxMessageBytes: 1000, trustedHops: 0 };
  const value: GatewayFact = { name, reflection: true, corsOrigins: [], ...limits, ...said, origin: `${name}.yaml` };
  return { of: 'gateways', key: name, value: there && value };
}

const gateway = fc
  .tuple(
    fc.constantFrom('edge', 'back'),
    fc.record({ reflection: fc.boolean(), maxMessageBytes: fc.constantFrom(1000, 2000) }),
    maybe(fc.constant(true)),
  )
  .map((given) => gatewayEvent(...given));

const externalService = fc
  .record({
    namespace,
    name: fc.constantFrom('x', 'y'),
    there: maybe(fc.constant(true)),
    host: fc.constantFrom('api.example.com', '*.example.com'),
    port: fc.constantFrom(443, 5432),
    tls: fc.boolean(),
    serverFirst: fc.boolean(),
    addresses: fc.constantFrom<ExternalService['addresses']>([], [{ address: '192.0.2.0', prefixLength: 24 }]),
  })
  .map(({ there, name, ...said }): FactEvent => {
    const id = `${said.namespace}/${name}` as const;
    return { of: 'externalServices', key: id, value: there && { id, ...said, origin: `${id}.yaml` } };
  });

function connectionEvent(key: WorkloadId, value: true | undefined = true): ConnectionEvent {
  return { of: 'connections', key, value };
}

const connection = fc
  .tuple(
    fc
      .tuple(namespace, fc.constantFrom('w0', 'w1', 'w2', 'w3'))
      .map(([namespace, name]) => `${namespace}/${name}` as const),
    maybe(fc.constant(true)),
  )
  .map((given) => connectionEvent(...given));

const event: fc.Arbitrary<MeshEvent> = fc.oneof(
  { weight: 6, arbitrary: workload },
  { weight: 4, arbitrary: service },
  { weight: 4, arbitrary: contract },
  { weight: 4, arbitrary: connection },
  { weight: 3, arbitrary: resource },
  { weight: 1, arbitrary: settings },
  { weight: 1, arbitrary: gateway },
  { weight: 1, arbitrary: externalService },
);

/** A mesh in which a calls b, b calls a, c calls both and the edge calls a, with two versions of a's contract. */
const orderly: readonly MeshEvent[] = [
  settingsEvent({}),
  gatewayEvent('edge', {}),
  ...['a', 'b'].map((name) => serviceEvent('bakery', name, {})),
  serviceEvent('depot', 'c', {}),
  ...[0, 1, 3].map((set) => contractEvent('bakery', set, set === 3 ? 'two' : 'one')),
  contractEvent('depot', 5, 'one'),
  workloadEvent('bakery', 'w0', { labels: { app: 'a' }, hash: hashes[0], account: 'one' }),
  workloadEvent('bakery', 'w1', { labels: { app: 'a' }, hash: hashes[1], account: 'one', number: 2, zone: 'z2' }),
  workloadEvent('bakery', 'w2', { labels: { app: 'b' }, hash: hashes[3], account: 'two', number: 3 }),
  workloadEvent('depot', 'w0', { labels: { app: 'c' }, hash: hashes[5], account: 'one', kind: 'process' }),
  workloadEvent('depot', 'w1', { labels: {}, account: 'three', kind: 'gateway' }),
  ...(['bakery/w0', 'bakery/w2', 'depot/w1'] as const).map((id) => connectionEvent(id)),
];

/** Turns of a random mesh: first the orderly one with some events left out or overwritten, then a few events at a time. */
export const randomTurns: fc.Arbitrary<readonly RandomTurn[]> = fc
  .tuple(
    fc.array(fc.nat(orderly.length - 1), { maxLength: 4 }),
    fc.array(event, { maxLength: 12 }),
    fc.array(
      fc.record({
        events: fc.array(event, { maxLength: 3 }),
        laterMs: fc.constantFrom(0, 0, 0, minuteMs, 3 * minuteMs),
      }),
      { minLength: 1, maxLength: 3, size: 'max' },
    ),
  )
  .map(([missing, first, others]) => [
    { events: [...orderly.filter((_, at) => !missing.includes(at)), ...first], laterMs: 0 },
    ...others,
  ]);

/** The last event of each fact and connection, without those that remove. */
export function remaining(events: readonly MeshEvent[]): readonly MeshEvent[] {
  const last = new Map(events.map((event) => [`${event.of} ${event.key}`, event]));
  return [...last.values()].filter(({ value }) => value !== undefined);
}
