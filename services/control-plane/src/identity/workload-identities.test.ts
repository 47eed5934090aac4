import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import type { Resource } from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import { SecretSchema } from '@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret';
import test from 'ava';
import type { RootAuthority } from './root-authority.ts';
import { openRootAuthority } from './root-directory.ts';
import { type Identified, WorkloadIdentities } from './workload-identities.ts';

const orders: Identified = { id: 'bakery/orders-0', spiffeId: 'spiffe://weft.local/ns/bakery/sa/orders' };
const hourMs = 3_600_000;
const lifetimeMs = 24 * hourMs;

let root: RootAuthority;

test.before(async () => {
  const path = await mkdtemp(join(tmpdir(), 'weft-identities-'));
  root = await openRootAuthority(path);
  await rm(path, { recursive: true });
});

function open(resource: Resource | undefined): { certificate: X509Certificate; keyPem: Uint8Array } {
  const { type } = fromBinary(SecretSchema, resource?.body ?? new Uint8Array());
  if (type.case !== 'tlsCertificate') throw new Error(`no certificate but ${type.case}`);
  const chain = type.value.certificateChain?.specifier.value;
  const key = type.value.privateKey?.specifier.value;
  if (!(chain instanceof Uint8Array && key instanceof Uint8Array)) throw new Error('not inline');
  return { certificate: new X509Certificate(chain), keyPem: key };
}

test('a workload gets a certificate for its SPIFFE ID, signed by the root', (t) => {
  const identities = new WorkloadIdentities({ root });
  const secrets = identities.secrets(orders);
  const { certificate, keyPem } = open(secrets.get('identity'));
  const authority = new X509Certificate(root.pem);
  t.true(certificate.verify(authority.publicKey));
  t.true(certificate.checkIssued(authority));
  t.true(certificate.checkPrivateKey(createPrivateKey(Buffer.from(keyPem))));
  t.is(certificate.subjectAltName, `URI:${orders.spiffeId}`);
  t.falsy(certificate.subject);
  t.false(certificate.ca);
  t.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  t.true(certificate.validFromDate.getTime() <= Date.now() - 60_000);
  t.true(certificate.validToDate.getTime() > Date.now() + lifetimeMs / 2 - 2000);
  t.true(certificate.validToDate.getTime() <= Date.now() + lifetimeMs);
  t.is(Math.floor(identities.notAfterMs(orders) / 1000) * 1000, certificate.validToDate.getTime());
  const { type } = fromBinary(SecretSchema, secrets.get('root')?.body ?? new Uint8Array());
  t.is(type.case, 'validationContext');
});

test('each workload has its own key', (t) => {
  const identities = new WorkloadIdentities({ root });
  const one = open(identities.secrets(orders).get('identity'));
  const two = open(identities.secrets({ ...orders, id: 'bakery/orders-1' }).get('identity'));
  t.notDeepEqual(one.keyPem, two.keyPem);
  t.not(one.certificate.serialNumber, two.certificate.serialNumber);
  t.is(one.certificate.subjectAltName, two.certificate.subjectAltName);
});

test('the version and the key stay for half of a life, over a restart too', (t) => {
  let nowMs = Date.UTC(2026, 10, 22);
  const now = () => nowMs;
  const before = new WorkloadIdentities({ root, now });
  t.teardown(() => before.close());
  const first = before.secrets(orders).get('identity');
  const endMs = before.notAfterMs(orders) - lifetimeMs / 2;
  nowMs = endMs - 1;
  t.is(before.secrets(orders).get('identity'), first);
  const after = new WorkloadIdentities({ root, now });
  t.is(after.secrets(orders).get('identity')?.version, first?.version);
  t.deepEqual(open(after.secrets(orders).get('identity')).keyPem, open(first).keyPem);
  nowMs = endMs;
  const second = before.secrets(orders).get('identity');
  t.not(second?.version, first?.version);
  t.notDeepEqual(open(second).keyPem, open(first).keyPem);
  t.true(before.notAfterMs(orders) - nowMs <= lifetimeMs);
  t.true(before.notAfterMs(orders) - nowMs > lifetimeMs - 2);
});

test('another identity, lifetime or root is another certificate', (t) => {
  const identities = new WorkloadIdentities({ root });
  const first = identities.secrets(orders).get('identity')?.version;
  const moved = identities.secrets({ ...orders, spiffeId: 'spiffe://weft.local/ns/bakery/sa/other' }).get('identity');
  t.not(moved?.version, first);
  t.is(open(moved).certificate.subjectAltName, 'URI:spiffe://weft.local/ns/bakery/sa/other');
  t.deepEqual([...identities.changed([{ id: orders.id, after: orders }])], [orders.id]);
  t.not(identities.secrets(orders).get('identity')?.version, moved?.version);
  t.deepEqual([...identities.setLifetime(hourMs)], [orders.id]);
  t.teardown(() => identities.close());
  t.not(identities.secrets(orders).get('identity')?.version, first);
  t.deepEqual([...identities.setLifetime(hourMs)], []);
  t.deepEqual([...identities.changed([{ id: orders.id, before: orders, after: orders }])], []);
  const otherRoot = new WorkloadIdentities({ root: { ...root, secret: Buffer.from('other') } });
  t.not(otherRoot.secrets(orders).get('identity')?.version, first);
});

test('renewals are told, spread, and only of those that are due', async (t) => {
  const workloads = Array.from({ length: 20 }, (_, i): Identified => ({ ...orders, id: `bakery/orders-${i}` }));
  const told: WorkloadId[] = [];
  const versions = new Map<WorkloadId, string | undefined>();
  await new Promise<void>((resolve) => {
    const identities = new WorkloadIdentities({ root });
    identities.onRenewal((ids) => {
      for (const id of ids) {
        told.push(id);
        const version = identities.secrets({ ...orders, id }).get('identity')?.version;
        t.not(version, versions.get(id));
      }
      if (new Set(told).size === workloads.length) resolve();
    });
    t.teardown(() => identities.close());
    identities.setLifetime(400);
    for (const workload of workloads) {
      versions.set(workload.id, identities.secrets(workload).get('identity')?.version);
    }
    // The timer does not hold the process, but this test has nothing else to wait for.
    const hold = setInterval(() => {}, 1000);
    t.teardown(() => clearInterval(hold));
  });
  t.is(new Set(told).size, workloads.length);
});

test('a renewal is told, though somebody saw the next certificate before, or other workloads came', async (t) => {
  let nowMs = Date.UTC(2026, 10, 22);
  const told = Promise.withResolvers<readonly WorkloadId[]>();
  const identities = new WorkloadIdentities({ root, now: () => nowMs });
  identities.onRenewal(told.resolve);
  t.teardown(() => identities.close());
  const other: Identified = { ...orders, id: 'bakery/orders-1' };
  identities.secrets(orders);
  // The clock is past the end, the timer is not yet: somebody looks at a proxy, a status is asked for, and a replica comes.
  nowMs += lifetimeMs / 2;
  identities.secrets(orders);
  identities.notAfterMs(orders);
  identities.changed([{ id: other.id, after: other }]);
  identities.secrets(other);
  // The timer does not hold the process, and nothing else does.
  const hold = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(hold));
  t.true((await told.promise).includes(orders.id));
});

test('a workload that is gone is forgotten', (t) => {
  const identities = new WorkloadIdentities({ root });
  t.teardown(() => identities.close());
  const first = identities.secrets(orders).get('identity');
  identities.changed([{ id: orders.id, before: orders }]);
  const again = identities.secrets(orders).get('identity');
  t.not(again, first);
  t.is(again?.version, first?.version);
});

test('workloads whose proxies ask for nothing cost nothing, and cost nothing again once theirs have gone', async (t) => {
  let nowMs = Date.UTC(2026, 10, 22);
  const told = Promise.withResolvers<readonly WorkloadId[]>();
  const identities = new WorkloadIdentities({ root, now: () => nowMs });
  identities.onRenewal(told.resolve);
  t.teardown(() => identities.close());
  const many = Array.from({ length: 5000 }, (_, i): Identified => ({ ...orders, id: `bakery/orders-${i}` }));
  identities.changed(many.map((after) => ({ id: after.id, after })));
  for (const workload of many) identities.notAfterMs(workload);
  t.is(identities.size, 0);
  identities.secrets(orders);
  nowMs += lifetimeMs / 2;
  identities.secrets({ ...orders, id: 'bakery/orders-1' });
  const hold = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(hold));
  t.deepEqual(await told.promise, [orders.id]);
  t.is(identities.size, 1, 'whoever is still there asks again');
});
