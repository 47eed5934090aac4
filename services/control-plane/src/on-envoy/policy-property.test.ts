import { create } from '@bufbuild/protobuf';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { encodeResource } from '@weft/compiler/envoy/encode';
import { identitySecret } from '@weft/compiler/envoy/names';
import { type Resource, type Snapshot, type TypeUrl, typeUrls } from '@weft/compiler/envoy/resource';
import type { SpiffeId, WorkloadId } from '@weft/compiler/model/mesh';
import { DirectoryCompiler } from '@weft/compiler/testing/directory-compiler';
import { MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import {
  admits,
  type Conduct,
  deadlineMs,
  interpret,
  limitOf,
  type Outcome,
  type Way,
} from '@weft/compiler/testing/policy-interpreter';
import {
  arbitraryService,
  contractOf,
  type MethodSpec,
  methodName,
  restPath,
  type ServiceSpec,
} from '@weft/compiler/testing/policy-spec';
import { tinyContract, tinyPath } from '@weft/compiler/testing/tiny-contract';
import { SecretSchema } from '@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret';
import test from 'ava';
import fc from 'fast-check';
import { checkPath, createRefusals } from '../refusals/refusals.ts';
import { freePorts } from './testing/free-ports.ts';
import { type Behaviour, behaviours, startRawApplication, trailersOnly } from './testing/raw-application.ts';
import { type RawAnswer, RawCaller } from './testing/raw-call.ts';
import { runControlPlane, until } from './testing/running-control-plane.ts';
import { testCertificate } from './testing/test-certificate.ts';

// 2,000 random contracts with policies over them, 50 at a time, in one Envoy that is the sidecar of all of their replicas, of a
// caller, and the edge. Of each fifty some calls are made, and must end as an interpreter of the policies says.
// WEFT_SEED repeats a run.

const total = 2000;
const atOnce = 50;
const callsEach = 13;
const driver: WorkloadId = 'bakery/driver-0';
const spiffe = (account: string, namespace = 'bakery'): SpiffeId => `spiffe://weft.local/ns/${namespace}/sa/${account}`;
const driverContract = tinyContract('bakery.driver', { Call: {} });
const otherContract = tinyContract('bakery.other', { Call: {} });
const names = Array.from({ length: atOnce }, (_, index) => `r${index}`);

const conducts: Readonly<Record<Conduct, Behaviour>> = {
  ok: behaviours.ok,
  unavailable: behaviours.unavailable,
  internal: trailersOnly('13'),
  exhausted: trailersOnly('8'),
  aborted: trailersOnly('10'),
  reset: behaviours.reset,
  plain503: behaviours.plain503,
  hang: behaviours.hang,
};

interface Sample {
  readonly service: string;
  readonly index: number;
  readonly way: Way;
  readonly conduct: Conduct;
}

/** A call that does not hang on how fast this machine is. */
function sampleOf(spec: ServiceSpec, service: string, below: Below): Sample {
  const repeated = [...spec.methods.entries()].filter(
    ([, method]) => method.limits.length === 0 && interpret(spec, method, 'driver', 'unavailable').seen > 1,
  );
  // Left to chance, few calls would be of those that are tried again.
  if (repeated.length > 0 && below(2) === 0) {
    const [index, method] = pick(repeated, below);
    const failing: Conduct[] = ['unavailable', 'plain503', 'reset', 'internal'];
    const conduct = deadlineMs(method) < 1000 ? 'hang' : pick(failing, below);
    return { service, index, way: pick(['driver', 'edge'], below), conduct };
  }
  const index = below(spec.methods.length);
  const method = spec.methods[index];
  const ways: Way[] = ['driver', 'driver', 'driver', 'edge', 'edge', 'other', 'stranger'];
  if (method?.rest) ways.push('rest', 'rest');
  const way = pick(ways, below);
  const all: Conduct[] = ['ok', 'unavailable', 'unavailable', 'internal', 'exhausted', 'aborted', 'reset', 'plain503'];
  const drawn = pick(all, below);
  if (method?.kind === 'unary' && deadlineMs(method) < 1000) return { service, index, way, conduct: 'hang' };
  // The one Envoy has every name at once, so that each of its tries counts against everybody's limit.
  if (method && method.limits.length > 0 && way !== 'other') return { service, index, way, conduct: 'ok' };
  return { service, index, way, conduct: drawn };
}

function pick<T>(items: readonly T[], below: Below): T {
  const item = items[below(items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}

/** A random whole number from 0 to just below a bound. */
type Below = (bound: number) => number;

/** The same numbers for the same seed (mulberry32). */
function seededBelow(seed: number): Below {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

test('2,000 contracts and policies are taken by one Envoy, and 500 calls end as an interpreter says', async (t) => {
  t.timeout(180_000);
  const seed = Number(process.env.WEFT_SEED ?? Date.now() % 0x7fff_ffff);
  t.log(`WEFT_SEED=${seed}`);
  const specs = fc.sample(arbitraryService, { numRuns: total, seed });
  const below = seededBelow(seed);
  const ports = await freePorts(atOnce + 2);
  const address = (index: number) => `127.0.0.1:${ports[index]}`;
  const compiler = new DirectoryCompiler();
  const { mesh } = compiler;
  let snapshot: Snapshot | undefined;
  const controlPlane = await runControlPlane({
    snapshot: () => snapshot,
    workload: () => ({ id: driver, spiffeId: spiffe('driver') }),
    methods: new Map([[checkPath, createRefusals({ mesh: () => mesh }).method]]),
    secrets(root) {
      const { key, cert } = testCertificate(root, [
        spiffe('driver'),
        spiffe('edge', 'weft'),
        ...names.map((name) => spiffe(name)),
      ]);
      const bytes = (text: string) => ({ specifier: { case: 'inlineString' as const, value: text } });
      const secret = create(SecretSchema, {
        name: identitySecret,
        type: { case: 'tlsCertificate', value: { certificateChain: bytes(cert), privateKey: bytes(key) } },
      });
      return new Map([[identitySecret, encodeResource(typeUrls.secret, identitySecret, SecretSchema, secret)]]);
    },
  });
  t.teardown(() => controlPlane.stop());
  const seen = new Map<string, number>();
  const application = await startRawApplication(`${controlPlane.dir}/app`, (stream, headers) => {
    const id = String(headers['x-test-id']);
    seen.set(id, (seen.get(id) ?? 0) + 1);
    const conduct = Object.entries(conducts).find(([name]) => name === headers['x-test-conduct'])?.[1];
    (conduct ?? behaviours.ok)(stream, headers);
  });
  t.teardown(() => application.away());
  const outbound = new RawCaller(address(atOnce));
  const edge = new RawCaller(address(atOnce + 1));
  const knockers = new Map<string, RawCaller>();
  t.teardown(() => {
    for (const caller of [outbound, edge, ...knockers.values()]) caller.close();
  });
  const knocker = (way: Way, port: number) => {
    const key = `${way} ${port}`;
    const found =
      knockers.get(key) ?? new RawCaller(address(port), testCertificate(controlPlane.root, [spiffe(String(way))]));
    knockers.set(key, found);
    return found;
  };

  const directoryOf = (batch: readonly ServiceSpec[]) => {
    const files = new MeshDirectory({ accessLog: 'all' })
      .contract('bakery', 'driver', driverContract)
      .contract('bakery', 'other', otherContract)
      .service('driver')
      .service('other')
      .replica('driver-0', { contract: contractHash(driverContract), outbound: address(atOnce) })
      .replica('other-0', { contract: contractHash(otherContract) })
      .edge(address(atOnce + 1));
    batch.forEach((spec, index) => {
      const name = `r${index}`;
      const set = contractOf(name, spec);
      files
        .contract('bakery', name, set)
        .service(name)
        .replica(`${name}-0`, {
          contract: contractHash(set),
          inbound: address(index),
          application: `unix:${controlPlane.dir}/app`,
        });
      if (!spec.policy) return;
      const { addCallers, maxRetries } = spec.policy;
      files.put(`${name}-policy.yaml`, {
        kind: 'MeshPolicy',
        metadata: { namespace: 'bakery', name },
        spec: {
          service: name,
          addCallers,
          ...(maxRetries === undefined ? {} : { defaults: { retry: { maxRetries, baseBackoff: '1ms' } } }),
        },
      });
    });
    return files;
  };

  let id = 0;
  const call = (sample: Sample): Promise<RawAnswer> => {
    const { service, index, way, conduct } = sample;
    const path = tinyPath(`bakery.${service}`, methodName(index));
    const headers = { 'x-test-id': String(id), 'x-test-conduct': conduct };
    const authority = `bakery.${service}`;
    if (way === 'driver') return outbound.call({ authority, path, headers });
    if (way === 'edge') return edge.call({ authority, path, headers });
    if (way === 'rest') {
      const json = { ...headers, 'content-type': 'application/json' };
      return edge.call({ authority, path: restPath(service, index), headers: json, body: '{}' });
    }
    return knocker(way, Number(service.slice(1))).call({ authority, path, headers });
  };
  const outcome = async (sample: Sample): Promise<Outcome> => {
    id++;
    const mine = String(id);
    const answer = await call(sample);
    const grpc = answer.grpcStatus ?? `http ${answer.status}`;
    return { status: sample.way === 'rest' ? String(answer.status) : grpc, seen: seen.get(mine) ?? 0 };
  };

  let calls = 0;
  const results = new Map<string, number>();
  for (let first = 0; first < total; first += atOnce) {
    const batch = specs.slice(first, first + atOnce);
    compiler.update(directoryOf(batch));
    const where = `WEFT_SEED=${seed}, contracts ${first} to ${first + atOnce - 1}`;
    t.deepEqual(mesh.problems, [], where);
    snapshot = union([...mesh.workloads.keys()].map((id) => compiler.snapshot(id)));
    if (first === 0) await controlPlane.startProxy(driver);
    else await controlPlane.push([driver]);
    const refusals = controlPlane.nacks.map(({ names, message }) => `${names.join()}: ${message}`);
    t.deepEqual(refusals, [], where);

    const offset = below(atOnce);
    for (let count = 0; count < callsEach; count++) {
      const position = (offset + count) % atOnce;
      const spec = batch[position];
      const sample = spec && sampleOf(spec, `r${position}`, below);
      const method: MethodSpec | undefined = spec?.methods[sample?.index ?? 0];
      if (!spec || !sample || !method) continue;
      const expected = interpret(spec, method, sample.way, sample.conduct);
      const about = () => JSON.stringify({ where, sample, spec });
      // Two calls of a limited method: as many as the limit allows, and one more.
      const limit = sample.way === 'other' ? limitOf(method, 'bakery.other') : undefined;
      if (limit !== undefined && admits(spec, method, 'bakery.other')) {
        for (let more = 0; more < limit; more++) t.deepEqual(await outcome(sample), expected, about());
        t.deepEqual(await outcome(sample), { status: '8', seen: 0 }, about());
        results.set('limited', (results.get('limited') ?? 0) + 1);
      } else {
        const found = await outcome(sample);
        // On a busy machine a short deadline may pass before the application has seen anything.
        const unseen = sample.conduct === 'hang' && found.seen === 0;
        const meant = unseen ? { ...expected, seen: 0 } : expected;
        if (JSON.stringify(found) !== JSON.stringify(meant)) {
          // What Envoy says of the call; it writes its access log twice a second.
          const path = tinyPath(`bakery.${sample.service}`, methodName(sample.index));
          const lines = () => controlPlane.log.filter((line) => line.includes(`"path":"${path}"`));
          await until(() => lines().length > 0).catch(() => undefined);
          t.log(lines().slice(-4).join('\n'));
        }
        t.deepEqual(found, meant, about());
      }
      calls++;
      const kind = `${sample.way}: ${expected.seen === 0 ? 'refused' : expected.seen === 1 ? 'once' : 'repeated'}`;
      results.set(kind, (results.get(kind) ?? 0) + 1);
    }
  }
  t.log(Object.fromEntries([...results].sort()));
  t.true(calls >= 500);
});

/** Everything that several proxies should hold, for one that is all of them. */
function union(snapshots: readonly (Snapshot | undefined)[]): Snapshot {
  const all = new Map<TypeUrl, Map<string, Resource>>();
  for (const snapshot of snapshots) {
    for (const [typeUrl, resources] of snapshot ?? []) {
      const found = all.get(typeUrl) ?? new Map<string, Resource>();
      for (const [name, resource] of resources) found.set(name, resource);
      all.set(typeUrl, found);
    }
  }
  return all;
}
