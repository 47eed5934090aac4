import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { contractHash } from '../contracts/contract-hash.ts';
import { goldenFiles } from '../goldens.fixture.ts';
import { withPolicy, withServicePolicy } from '../testing/edit-contract.ts';
import { descriptorSet, MeshDirectory } from '../testing/mesh-directory.ts';
import { tinyContract } from '../testing/tiny-contract.ts';
import { buildChange, changeNames, changes } from './changes.fixture.ts';
import { diff } from './diff.ts';
import { diffText } from './diff-text.ts';

// Every recorded change is two trees of contracts and what the diff says. UPDATE_GOLDENS=1 writes it anew; read it.
for (const name of changeNames()) {
  test(`diff: ${name}`, (t) => {
    const golden = join(changes, name, 'diff.txt');
    const [before, after] = ['old', 'new'].map((side) => ({ descriptorSet: buildChange(`${name}/${side}`) }));
    if (!before || !after) return t.fail();
    const { diff: found, problems } = diff(before, after, 0);
    const text = `${diffText(found)}\n`;
    if (process.env.UPDATE_GOLDENS) writeFileSync(golden, text);
    t.deepEqual(problems, []);
    t.is(text, readFileSync(golden, 'utf8'));
    t.is(diffText(diff(before, before, 0).diff), '');
  });
}

test('diff: mesh directories', (t) => {
  const files = (name: string) => ({ files: goldenFiles(name) });
  t.is(diffText(diff(files('versions-old'), files('versions-old'), 0).diff), '');
  const text = diffText(diff(files('versions-old'), files('versions-new'), 0).diff);
  t.regex(text, /edge -> bakery\.bread\.v1\.BreadService\/\w+\n {2}/);
});

test('diff: a contract that breaks keeps its old form, and is named', (t) => {
  const before = { files: goldenFiles('caller-and-callee') };
  const contract = [...before.files.keys()].find((path) => path.endsWith('bakery.bread.now.binpb')) ?? '';
  const after = { files: new Map([...before.files, [contract, Buffer.from('no contract')]]) };
  const { problems } = diff(before, after, 0);
  t.true(problems.some(({ resource }) => resource === contract));
});

test('diff: what is going to hold is told apart from what holds', (t) => {
  const set = descriptorSet('bakery.payments');
  const before = { descriptorSet: set };
  const after = { descriptorSet: withPolicy(set, 'Authorize', { shadow: { callers: { names: [] } } }) };
  const text = diffText(diff(before, after, 0).diff);
  t.is(
    text,
    'bakery.orders -> bakery.payments.v1.PaymentService/Authorize\n  shadow: none -> would be denied (counted)',
  );
});

test('diff: limits of a whole service, its budget and the settings of a gateway', (t) => {
  const mesh = (spec: object, set: Uint8Array) => ({
    files: new MeshDirectory()
      .edge('127.0.0.1:8080', spec)
      .contract('bakery', 'bakery.payments', set)
      .service('payments').files,
  });
  const set = descriptorSet('bakery.payments');
  const limited = withServicePolicy(set, { maxConcurrentRequests: 7, retryBudget: { percent: 50 } });
  const text = diffText(diff(mesh({}, set), mesh({ maxHeaders: 50 }, limited), 0).diff);
  t.regex(
    text,
    /\(every caller\) -> bakery\.payments\n {2}retry budget: 20 %.* -> 50 %.*\n {2}requests at once: .* -> 7/,
  );
  t.regex(text, /gateway edge\n {2}maxHeaders: 100 -> 50/);
});

test('diff: destinations outside, plain text, and what else holds for the whole mesh', (t) => {
  const mesh = (spec: object, ...external: readonly [name: string, spec: object][]) => {
    const files = new MeshDirectory(spec);
    for (const [name, itsSpec] of external) {
      files.put(`${name}.yaml`, { kind: 'ExternalService', metadata: { namespace: 'bakery', name }, spec: itsSpec });
    }
    return { files: files.files };
  };
  const before = mesh(
    { certificateLifetime: '24h', permissive: [{ namespace: 'bakery', labels: { app: 'old' }, port: 8080 }] },
    ['bank', { host: 'api.bank.example', port: 443, tls: true }],
    ['post', { host: 'mail.example', port: 25, serverFirst: true }],
  );
  const after = mesh(
    { certificateLifetime: '1h', outbound: 'deny', permissive: [{ namespace: 'bakery' }] },
    ['bank', { host: 'api.bank.example', port: 8443, tls: true }],
    ['time', { host: 'ntp.example', port: 123, addresses: ['192.0.2.0/24'] }],
  );
  t.is(
    diffText(diff(before, after, 0).diff),
    [
      '(every caller) -> external service bakery/bank',
      '  api.bank.example:443, TLS -> api.bank.example:8443, TLS',
      '(every caller) -> external service bakery/post',
      '  removed (was mail.example:25, the server speaks first): it is an undeclared host from now on',
      '(every caller) -> external service bakery/time',
      '  added: ntp.example:123, at 192.0.2.0/24',
      '(every caller) -> the whole mesh',
      '  calls to undeclared hosts outside the mesh: allow -> deny',
      '  certificates live: 24 h -> 1 h',
      '  plain text is also accepted: no longer in namespace bakery by app=old at port 8080',
      '  plain text is also accepted: now in namespace bakery',
    ].join('\n'),
  );
  t.is(diffText(diff(before, before, 0).diff), '');
});

test('diff: a caller whose account becomes that of another service too', (t) => {
  const mesh = (account: string, ...callers: string[]) => {
    const set = tinyContract('bakery.leaf', { Call: {} }, { callers });
    const files = new MeshDirectory().contract('bakery', 'leaf', set).service('leaf');
    for (const [name, itsAccount] of [
      ['orders', 'orders'],
      ['returns', account],
    ] as const) {
      const own = tinyContract(`bakery.${name}`, { Call: {} });
      files.contract('bakery', name, own).service(name);
      files.replica(`${name}-0`, { contract: contractHash(own), account: itsAccount });
    }
    return { files: files.files };
  };
  const text = (before: ReturnType<typeof mesh>, after: ReturnType<typeof mesh>) =>
    diffText(diff(before, after, 0).diff);
  const call = 'bakery.leaf.v1.TestService/Call';
  const denied = `bakery.orders -> ${call}\n  denied: its service account is no longer its own`;
  t.is(text(mesh('returns', 'bakery.orders'), mesh('orders', 'bakery.orders')), denied);
  const both = ['bakery.orders', 'bakery.returns'];
  t.is(text(mesh('returns', ...both), mesh('orders', ...both)), '');
});

test('diff: a mesh directory and contracts are not of one kind', (t) => {
  const contracts = { descriptorSet: descriptorSet('bakery.payments') };
  t.throws(() => diff(contracts, { files: new MeshDirectory().files }, 0), { instanceOf: TypeError });
});
