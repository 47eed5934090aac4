import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { SecretSchema } from '@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret';
import test, { type ExecutionContext } from 'ava';
import { signCertificate, toPem } from './certificate.ts';
import { anchored, checkTrustDomain } from './external-root.ts';
import { type AuthorityPem, makeRoot, newSerial, readAuthority } from './root-authority.ts';
import { RootDirectory, type RootStore } from './root-directory.ts';
import { RootRotation, RotationRefused } from './root-rotation.ts';
import type { RootState } from './root-state.ts';
import { openRotation, type RotationSetting } from './rotation.fixture.ts';
import { serverCertificate } from './server-certificate.ts';
import { WorkloadIdentities } from './workload-identities.ts';

const silent = { info() {}, warn() {} };
const lifetimeMs = 20_000;
const settleMs = 3000;
const startMs = Date.UTC(2026, 10, 22);

/** A rotation on a clock of its own; `waiting` is who has not acknowledged. */
async function open(t: ExecutionContext, more: Partial<RotationSetting> = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'weft-rotation-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const clock = { nowMs: startMs };
  const waiting: string[] = [];
  const store = new RootDirectory(directory);
  const options: RotationSetting = {
    store,
    waitingFor: () => waiting,
    settleMs,
    lifetimeMs: () => lifetimeMs,
    onChange: () => {},
    log: silent,
    now: () => clock.nowMs,
    ...more,
  };
  const reopen = () => openRotation(options);
  const pass = async (rotation: RootRotation, ms: number) => {
    clock.nowMs += ms;
    await rotation.look();
    return rotation.status().phase;
  };
  return { directory, clock, waiting, store, options, reopen, pass };
}

function count(bundle: string): number {
  return bundle.match(/BEGIN CERTIFICATE/g)?.length ?? 0;
}

test('a new root is trusted first, signs after everybody knows it, and the old one goes after its last certificate', async (t) => {
  const { waiting, reopen, pass, directory, clock } = await open(t);
  const rotation = await reopen();
  const first = rotation.signer.fingerprint;
  const identities = new WorkloadIdentities({ root: rotation.signer, now: () => clock.nowMs });
  const orders = { id: 'bakery/orders-0', spiffeId: 'spiffe://weft.local/ns/bakery/sa/orders' } as const;
  identities.setLifetime(lifetimeMs);
  t.teardown(() => identities.close());
  const before = identities.secrets(orders).get('identity');

  waiting.push('bakery/orders-0');
  t.is((await rotation.begin()).phase, 'spreading');
  t.is(count(rotation.roots.bundle), 2);
  t.is(count(await readFile(join(directory, 'root.pem'), 'utf8')), 2);
  t.deepEqual([...identities.setRoots(rotation.roots)], [orders.id]);
  t.is(identities.secrets(orders).get('identity'), before, 'the certificate stays while only trust changes');
  t.is(await pass(rotation, settleMs), 'spreading');
  t.deepEqual(rotation.status().waitingFor, ['bakery/orders-0']);
  t.is(rotation.signer.fingerprint, first);
  const { nextFingerprint = '' } = rotation.status();
  t.not(nextFingerprint, first);

  waiting.pop();
  t.is(await pass(rotation, 0), 'signing');
  t.is(rotation.signer.fingerprint, nextFingerprint);
  t.deepEqual([...identities.setRoots(rotation.roots)], [], 'what lives keeps its signer');
  const switchedMs = clock.nowMs;
  t.is(await pass(rotation, lifetimeMs / 2), 'signing');
  const { type } = fromBinary(SecretSchema, identities.secrets(orders).get('identity')?.body ?? new Uint8Array());
  const chain = type.case === 'tlsCertificate' ? type.value.certificateChain?.specifier.value : undefined;
  const next = rotation.roots.signerAt(Number.POSITIVE_INFINITY);
  t.true(new X509Certificate(chain ?? '').checkIssued(new X509Certificate(next.pem)));
  t.true(new X509Certificate(chain ?? '').verify(new X509Certificate(next.pem).publicKey));

  t.is(await pass(rotation, switchedMs + lifetimeMs - clock.nowMs), 'signing');
  t.is(await pass(rotation, 1000), 'steady');
  t.is(rotation.signer.fingerprint, nextFingerprint);
  t.is(count(rotation.roots.bundle), 1);
  t.is(await readFile(join(directory, 'root.pem'), 'utf8'), rotation.roots.bundle);
  t.deepEqual((await readdir(directory)).sort(), ['ca-sds.yaml', 'root.key', 'root.pem']);
  t.is((await stat(join(directory, 'root.key'))).mode & 0o777, 0o600);
  t.is((await reopen()).signer.fingerprint, nextFingerprint);
});

test('no rotation begins or goes on before anybody lives by it', async (t) => {
  const { options, pass } = await open(t);
  const first = await openRotation(options);
  t.is((await first.begin()).phase, 'spreading');
  const second = await RootRotation.open(options);
  t.is(await pass(second, settleMs), 'spreading');
  await t.throwsAsync(second.begin(), { instanceOf: RotationRefused, message: /only begun to start/ });
  second.follow(options);
  t.is(await pass(second, 0), 'signing');
});

test('a second request while a rotation is under way is the same rotation', async (t) => {
  const { reopen } = await open(t);
  const rotation = await reopen();
  const [one, two] = await Promise.all([rotation.begin(), rotation.begin()]);
  t.is(one.nextFingerprint, two.nextFingerprint);
});

test('a longer life of certificates, set meanwhile, keeps the old root longer', async (t) => {
  let lives = lifetimeMs;
  const { reopen, pass } = await open(t, { lifetimeMs: () => lives });
  const rotation = await reopen();
  await rotation.begin();
  t.is(await pass(rotation, settleMs), 'signing');
  lives = 3 * lifetimeMs;
  t.is(await pass(rotation, lifetimeMs), 'signing');
  t.is(await pass(rotation, lifetimeMs + 1000), 'signing');
  t.is(await pass(rotation, lifetimeMs), 'steady');
});

/** Crashes once, before or within a chosen save. */
class CrashingStore implements RootStore {
  readonly #store: RootStore;
  readonly #crashAt: number;
  readonly #within: ((state: RootState) => Promise<void>) | undefined;
  #saves = 0;
  constructor(store: RootStore, crashAt: number, within?: (state: RootState) => Promise<void>) {
    this.#store = store;
    this.#crashAt = crashAt;
    this.#within = within;
  }
  load() {
    return this.#store.load();
  }
  async save(state: RootState) {
    this.#saves += 1;
    if (this.#saves !== this.#crashAt) return this.#store.save(state);
    await this.#within?.(state);
    throw new Error('crash');
  }
}

test('a crash before any step of storage resumes, and ends with the same root that was announced', async (t) => {
  // The first save is that of the first root.
  for (const crashAt of [2, 3, 4]) {
    const { store, options, pass } = await open(t);
    const first = await openRotation({ ...options, store: new CrashingStore(store, crashAt) });
    const old = first.signer.fingerprint;
    await first.begin().catch(() => undefined);
    for (let step = 0; step < 4; step++) await pass(first, lifetimeMs).catch(() => undefined);
    const second = await openRotation(options);
    if (crashAt === 2) t.is(second.signer.fingerprint, old);
    await second.begin();
    const { nextFingerprint, fingerprint } = second.status();
    for (let step = 0; step < 4; step++) await pass(second, lifetimeMs + 1000);
    t.is(second.status().phase, 'steady', String(crashAt));
    t.is(second.signer.fingerprint, nextFingerprint ?? fingerprint, String(crashAt));
    t.not(second.signer.fingerprint, old);
  }
});

test('a crash after the last state is stored but before its files ends with the new root', async (t) => {
  const { directory, store, options, pass } = await open(t);
  // What save() does first, and then nothing.
  const within = async (state: RootState) => {
    const { replaceFile } = await import('../state/replace-file.ts');
    await replaceFile(join(directory, 'rotation.json'), JSON.stringify(state), 0o600);
  };
  const rotation = await openRotation({ ...options, store: new CrashingStore(store, 4, within) });
  await rotation.begin();
  const { nextFingerprint = '' } = rotation.status();
  await pass(rotation, settleMs);
  await t.throwsAsync(pass(rotation, lifetimeMs + 1000), { message: 'crash' });
  const resumed = await openRotation(options);
  t.is(resumed.signer.fingerprint, nextFingerprint);
  t.is(count(await readFile(join(directory, 'root.pem'), 'utf8')), 1);
  t.false((await readdir(directory)).includes('rotation.json'));
});

test('a replica that does not decide follows what is stored', async (t) => {
  const { options, pass } = await open(t);
  const leader = await openRotation(options);
  const bundles: string[] = [];
  const onChange = (roots: { bundle: string }) => {
    bundles.push(roots.bundle);
  };
  const follower = await openRotation({ ...options, decides: () => false, onChange });
  t.is(follower.signer.fingerprint, leader.signer.fingerprint);
  await t.throwsAsync(follower.begin(), { message: /another replica/ });
  await leader.begin();
  await follower.look();
  t.is(bundles.at(-1) ?? '', leader.roots.bundle);
  await pass(leader, settleMs);
  await follower.look();
  t.is(follower.signer.fingerprint, leader.signer.fingerprint);
  t.is(follower.status().phase, 'signing');
});

test('a replica that begins to decide goes on from what is stored, not from what it knew', async (t) => {
  const { options, pass } = await open(t);
  let decides = false;
  const first = await openRotation(options);
  const second = await openRotation({ ...options, decides: () => decides });
  await second.look();
  await first.begin();
  t.is(await pass(first, settleMs), 'signing');
  decides = true;
  await second.look();
  t.is(second.status().phase, 'signing');
  t.is(second.signer.fingerprint, first.signer.fingerprint);
});

test('while a handover lasts, nobody signs with the new root yet', async (t) => {
  const { options, pass } = await open(t, { handoverMs: 5000 });
  let told = 0;
  const rotation = await openRotation({ ...options, onChange: () => void told++ });
  const old = rotation.signer.fingerprint;
  await rotation.begin();
  t.is(await pass(rotation, settleMs), 'signing');
  t.is(rotation.signer.fingerprint, old);
  const before = told;
  await pass(rotation, 5000);
  t.not(rotation.signer.fingerprint, old);
  t.is(told, before + 1);
});

/** A root of somebody else and an authority under it, as cert-manager would give them. */
function external(kind: 'ec' | 'rsa' = 'ec', root = foreignRoot()): AuthorityPem {
  const { privateKey } =
    kind === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-384' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const validity = { notBeforeMs: startMs - 1000, notAfterMs: Date.now() + 3_600_000_000 };
  const request = {
    key: privateKey,
    serial: newSerial(),
    ...validity,
    commonName: 'Somebody: issuing',
    isAuthority: true,
  };
  const chain = toPem(signCertificate(request, { commonName: 'Somebody: root', key: root.key }));
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), chain, roots: root.pem };
}

function foreignRoot() {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const commonName = 'Somebody: root';
  const validity = { notBeforeMs: startMs - 1000, notAfterMs: Date.now() + 7_200_000_000 };
  const request = { key, serial: newSerial(), ...validity, commonName, isAuthority: true, pathLength: 1 };
  return { key, pem: toPem(signCertificate(request, { commonName, key })) };
}

test('an intermediate from outside signs and is trusted itself, and nothing else under its root', async (t) => {
  const root = foreignRoot();
  for (const kind of ['ec', 'rsa'] as const) {
    const offered = external(kind, root);
    const authority = readAuthority(anchored(offered), 'test');
    const [leaf, ...more] = serverCertificate(authority)
      .cert.split(/(?<=-----END CERTIFICATE-----\n)/)
      .map((pem) => new X509Certificate(pem));
    t.is(more.length, 0);
    const anchor = new X509Certificate(authority.pem);
    t.true(leaf?.checkIssued(anchor) && leaf.verify(anchor.publicKey), kind);
    t.is(count(authority.pem), 1);
    t.not(authority.pem, root.pem);
  }
  t.throws(() => anchored({ ...external(), roots: makeRoot().roots }), { message: /does not lead to its roots/ });
});

test('a root from outside and the default trust domain do not go together', (t) => {
  t.notThrows(() => checkTrustDomain('prod.example.com'));
  t.throws(() => checkTrustDomain('weft.local'), {
    name: 'RootAuthorityError',
    message:
      /^MeshConfig mesh, spec.trustDomain: weft.local is the default trust domain, .* expected: a trust domain of its own/,
  });
});

test('files from outside that change are a rotation, also under the same root', async (t) => {
  const root = foreignRoot();
  let offered = external('ec', root);
  const { options, pass, directory } = await open(t);
  const rotation = await openRotation({ ...options, external: async () => anchored(offered) });
  const first = rotation.signer.fingerprint;
  t.is(first, readAuthority(offered, 'test').fingerprint);
  t.is(count(await readFile(join(directory, 'root.pem'), 'utf8')), 1);
  await t.throwsAsync(rotation.begin(), { message: /replace its files/ });

  offered = external('ec', root);
  t.is(await pass(rotation, 1000), 'spreading');
  t.is(count(rotation.roots.bundle), 2);
  t.is(await pass(rotation, settleMs), 'signing');
  t.is(await pass(rotation, lifetimeMs + 1000), 'steady');
  t.not(rotation.signer.fingerprint, first);

  offered = external('rsa');
  t.is(await pass(rotation, 1000), 'spreading');
  t.is(count(rotation.roots.bundle), 2);
  t.is(await pass(rotation, settleMs), 'signing');
  offered = { ...offered, key: 'torn' };
  t.is(await pass(rotation, lifetimeMs + 1000), 'steady');
  const now = rotation.signer.fingerprint;
  t.is(await pass(rotation, 1000), 'steady', 'files that do not fit are not taken');
  t.is(rotation.signer.fingerprint, now);
});

test('a mesh that trusted the whole root of an authority from outside comes to trust the authority alone', async (t) => {
  const offered = external();
  const { options, pass } = await open(t);
  // As a control plane before this one has stored it.
  await options.store.save({ phase: 'steady', current: offered });
  const rotation = await openRotation({ ...options, external: async () => anchored(offered) });
  t.is(rotation.roots.bundle, offered.roots);
  t.is(await pass(rotation, 1000), 'spreading');
  t.is(await pass(rotation, settleMs), 'signing');
  t.is(await pass(rotation, lifetimeMs + 1000), 'steady');
  t.is(rotation.roots.bundle, offered.chain);
});

test('what cannot sign is refused in words', (t) => {
  const good = external();
  const cases: [AuthorityPem, RegExp][] = [
    [{ ...good, key: 'x' }, /holds no private key/],
    [{ ...good, key: makeRoot().key }, /does not belong to its certificate/],
    [{ ...good, roots: makeRoot().roots }, /does not lead to its roots/],
    [{ ...good, roots: '' }, /has no root certificate/],
    [{ ...good, chain: '' }, /has no certificate/],
  ];
  for (const [pem, message] of cases) t.throws(() => readAuthority(pem, 'it'), { message });
});
