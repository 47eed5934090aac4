import { appendFile, mkdtemp, readdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { typeUrls } from '@weft/compiler/envoy/resource';
import type { Facts } from '@weft/compiler/facts/facts';
import { shareFacts } from '@weft/compiler/facts/share-facts';
import { parseDirectory } from '@weft/compiler/mesh-directory/parse-directory';
import { withPolicy } from '@weft/compiler/testing/edit-contract';
import { contractHash, descriptorSet, MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import test, { type ExecutionContext } from 'ava';
import { History, type HistoryOptions } from './history.ts';

const typeUrl = typeUrls.route;

async function open(t: ExecutionContext, options: Partial<HistoryOptions> = {}): Promise<History> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'weft-history-')));
  const history = await History.open({ ...options, directory });
  t.teardown(async () => {
    await history.close();
    await rm(directory, { recursive: true, force: true });
  });
  return history;
}

const orders = descriptorSet('shop.orders');

function facts(change: (directory: MeshDirectory) => void = () => {}, previous?: Facts): Facts {
  const directory = new MeshDirectory().contract('shop', 'shop.orders', orders).service('orders');
  directory.replica('orders-0', { contract: contractHash(orders), inbound: '127.0.0.1:20001', application: 'unix:/a' });
  change(directory);
  return shareFacts(previous, parseDirectory(directory.files));
}

test('a revision has its cause and the answers of the proxies that were sent something of it', async (t) => {
  const history = await open(t);
  const first = facts();
  history.record(first);
  history.record({ ...first, problems: [{ resource: 'a.yaml', message: 'is wrong' }] });
  const second = facts((mesh) => mesh.replica('orders-1', { contract: contractHash(orders), ready: false }), first);
  history.record(second);
  const third = facts((mesh) => mesh.replica('orders-1', { contract: contractHash(orders) }), second);
  history.record(third);
  for (const [workload, nonce] of [
    ['shop/orders-0', '1'],
    ['shop/orders-1', '1'],
    ['shop/orders-2', '7'],
  ] as const) {
    history.sent({ workload, typeUrl, nonce, resources: [{ name: 'outbound' }], removed: [] });
  }
  history.acked({ workload: 'shop/orders-0', typeUrl, nonce: '1', version: 'v', complete: true, at: 1234 });
  history.nacked({ workload: 'shop/orders-1', typeUrl, nonce: '1', names: ['outbound'], message: 'no', at: 1235 });
  const [latest, before, oldest, ...none] = history.list();
  t.deepEqual(none, []);
  t.deepEqual(oldest?.causes, ['the first configuration']);
  t.deepEqual(before?.causes, ['Workload shop/orders-1 added']);
  t.deepEqual(latest?.causes, ['Workload shop/orders-1 ready']);
  t.true(latest?.endpointsOnly);
  t.like(latest, { number: 3, sent: 3, acknowledged: 1 });
  t.deepEqual(
    [...(latest?.answers ?? [])],
    [
      ['shop/orders-0', { acknowledgedAtMs: 1234 }],
      ['shop/orders-1', { nack: 'outbound: no' }],
      ['shop/orders-2', {}],
    ],
  );
});

test('the same content has the same id, and what came between is not lost', async (t) => {
  const history = await open(t);
  const first = facts();
  const changed = withPolicy(orders, 'PlaceOrder', { deadline: { seconds: 9n } });
  const second = facts((mesh) => mesh.contract('shop', 'shop.orders', changed), first);
  history.record(first);
  history.record(second);
  history.record(facts(() => {}, second));
  const [third, between, oldest] = history.list();
  t.is(third?.id, oldest?.id);
  t.not(third?.id, between?.id);
  t.deepEqual(between?.causes, ['contracts/shop/shop.orders.binpb changed']);
  const read = await history.factsAt(between?.number ?? 0);
  t.deepEqual(
    read?.contracts.map(({ hash }) => hash),
    [contractHash(changed)],
  );
  t.deepEqual(Buffer.from(read?.contracts[0]?.descriptorSet ?? []), Buffer.from(changed));
  t.like(history.find((between?.id ?? '').slice(0, 6)), { number: 2 });
  t.regex(String(history.find('ffffff')), /no revision/);
});

test('after a crash all but a torn line is there, and the same configuration is no new revision', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'weft-history-'));
  const first = await open(t, { directory });
  const one = facts();
  const two = facts((mesh) => mesh.replica('orders-1', { contract: contractHash(orders) }), one);
  first.record(one);
  first.record(two);
  first.sent({ workload: 'shop/orders-0', typeUrl, nonce: '1', resources: [{ name: 'x' }], removed: [] });
  first.acked({ workload: 'shop/orders-0', typeUrl, nonce: '1', version: 'v', complete: true, at: 99 });
  await first.flush();
  const known = first.list();
  const [segment = ''] = await readdir(join(directory, 'segments'));
  await appendFile(join(directory, 'segments', segment), '0123abcd {"k":"r","n":3,"id":"to');

  const second = await open(t, { directory });
  t.deepEqual(second.list(), known);
  second.record(facts((mesh) => mesh.replica('orders-1', { contract: contractHash(orders) })));
  t.deepEqual(second.list(), known);
  second.record(facts());
  t.deepEqual(second.list()[0]?.causes, ['Workload shop/orders-1 gone']);
  t.is(second.list()[0]?.number, 3);
  await second.flush();
  t.is((await second.factsAt(2))?.workloads.length, 2);
  t.is((await second.factsAt(3))?.workloads.length, 1);

  // A disk that loses the middle of a file costs what follows in that file.
  const path = join(directory, 'segments', segment);
  await truncate(path, Math.floor((await readFile(path)).length / 2));
  const third = await open(t, { directory });
  t.is((await third.factsAt(3))?.workloads.length, 1);
});

test('what is kept is bounded in number and in bytes', async (t) => {
  const history = await open(t, { maxRevisions: 50, maxBytes: 150_000 });
  let last = facts();
  history.record(last);
  for (let i = 1; i <= 300; i++) {
    const set = i % 50 === 0 ? withPolicy(orders, 'PlaceOrder', { deadline: { seconds: BigInt(i) } }) : orders;
    last = facts((mesh) => mesh.contract('shop', 'shop.orders', set).replica('orders-0', { account: `a${i}` }), last);
    history.record(last);
    if (i % 3 === 0) await history.flush();
  }
  await history.flush();
  const numbers = history.list().map(({ number }) => number);
  t.is(numbers[0], 301);
  t.true(numbers.length <= 50 && numbers.length >= 30, String(numbers.length));
  const oldest = numbers.at(-1) ?? 0;
  t.is((await history.factsAt(oldest))?.workloads[0]?.serviceAccount, `a${oldest - 1}`);
  const contracts = (await history.factsAt(oldest))?.contracts;
  t.is(contracts?.length, 1);
  t.is(await history.factsAt(1), undefined);
});

test('a disk that refuses is one problem, and history goes on once it takes writes again', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'weft-history-'));
  let told = 0;
  const history = await open(t, { directory, onProblem: () => told++ });
  const one = facts();
  history.record(one);
  await history.flush();
  const objects = join(directory, 'objects');
  await rename(objects, join(directory, 'whole'));
  await writeFile(join(directory, 'file'), 'in the way');
  await symlink('file', objects);
  const changed = withPolicy(orders, 'PlaceOrder', { deadline: { seconds: 9n } });
  const two = facts((mesh) => mesh.contract('shop', 'shop.orders', changed), one);
  history.record(two);
  await history.flush();
  history.record(facts((mesh) => mesh.contract('shop', 'shop.orders', changed).replica('orders-1', {}), two));
  await history.flush();
  t.is(told, 1);
  t.is(history.problems().length, 1);
  t.regex(history.problems()[0]?.message ?? '', /history cannot be kept \(ENOTDIR\)/);
  t.is(history.list().length, 3);
  t.is((await readdir(join(directory, 'segments'))).length, 1);

  // In one step: a write in the background finds the one or the other.
  await symlink('whole', join(directory, 'mended'));
  await rename(join(directory, 'mended'), objects);
  await history.flush();
  t.deepEqual(history.problems(), []);
  t.is(told, 2);
  const after = await open(t, { directory });
  t.is(after.list()[0]?.number, 3);
  t.is((await after.factsAt(3))?.contracts.length, 1);
});

test('history in a format of another version is set aside whole, and said so', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'weft-history-'));
  const first = await open(t, { directory });
  const one = facts();
  first.record(one);
  await first.close();
  // As a later version would leave it: the same framing, and records that nobody here understands.
  const [old = ''] = await readdir(join(directory, 'segments'));
  const line = (json: string) => `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
  const theirs = line('{"k":"f","format":"2"}') + line('{"k":"z","everything":["else"]}');
  await writeFile(join(directory, 'segments', '0000000007.log'), theirs);

  const second = await open(t, { directory, maxRevisions: 10 });
  t.deepEqual(
    second.list().map(({ number }) => number),
    [1],
  );
  const [problem, ...none] = second.problems();
  t.deepEqual(none, []);
  t.regex(
    problem?.message ?? '',
    /in format 2, and this one knows format 1; it lies untouched in history\/set-aside\/format-2$/,
  );
  const aside = join(directory, 'set-aside/format-2');
  t.is(await readFile(join(aside, 'segments/0000000007.log'), 'utf8'), theirs);

  // Its contracts are nobody else's any longer, and stay all the same.
  let last = one;
  for (let i = 0; i < 60; i++) {
    const set = withPolicy(orders, 'PlaceOrder', { deadline: { seconds: BigInt(i + 1) } });
    last = facts((mesh) => mesh.contract('shop', 'shop.orders', set), last);
    second.record(last);
    await second.flush();
  }
  t.false((await readdir(join(directory, 'objects'))).includes(`${contractHash(orders)}.gz`));
  t.deepEqual(await readdir(join(aside, 'objects')), [`${contractHash(orders)}.gz`]);
  t.false((await readdir(join(directory, 'segments'))).includes(old));
  const third = await open(t, { directory });
  t.deepEqual(third.problems(), []);
  t.is(third.list()[0]?.id, second.list()[0]?.id);
});

test('history from before formats had a number is read', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'weft-history-'));
  const first = await open(t, { directory });
  first.record(facts());
  await first.close();
  const [name = ''] = await readdir(join(directory, 'segments'));
  const path = join(directory, 'segments', name);
  const [header = '', ...rest] = (await readFile(path, 'utf8')).split('\n');
  t.regex(header, /^[0-9a-f]{8} \{"k":"f","format":"1"\}$/);
  await writeFile(path, rest.join('\n'));
  const second = await open(t, { directory });
  t.deepEqual(second.problems(), []);
  t.is(second.list().length, 1);
  t.is((await second.factsAt(1))?.workloads.length, 1);
});
