import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { typeUrls } from '@weft/compiler/envoy/resource';
import type { Facts } from '@weft/compiler/facts/facts';
import { parseDirectory } from '@weft/compiler/mesh-directory/parse-directory';
import { withPolicy } from '@weft/compiler/testing/edit-contract';
import { descriptorSet, MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import test, { type ExecutionContext } from 'ava';
import { WholeMesh } from '../wiring/whole-mesh.fixture.ts';
import { History, type HistoryOptions } from './history.ts';

const typeUrl = typeUrls.route;

interface Recording {
  facts: Facts | undefined;
  readonly wholeMesh: WholeMesh;
}

const recordings = new WeakMap<History, Recording>();

async function open(t: ExecutionContext, options: Partial<HistoryOptions> = {}): Promise<History> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'weft-history-')));
  const recording: Recording = { facts: undefined, wholeMesh: new WholeMesh() };
  const wholeFacts = () => {
    if (recording.facts === undefined) throw new Error('nothing was recorded yet');
    return recording.facts;
  };
  const history = await History.open({ wholeFacts, ...options, directory });
  recordings.set(history, recording);
  t.teardown(async () => {
    await history.close();
    await rm(directory, { recursive: true, force: true });
  });
  return history;
}

/** Notes facts as the turn that makes them the facts of now. */
function record(history: History, facts: Facts): void {
  const recording = recordings.get(history);
  if (recording === undefined) throw new Error('not opened here');
  recording.facts = facts;
  const { changes, endpointsOnly } = recording.wholeMesh.take(facts);
  history.record({ changes, endpointsOnly });
}

const orders = descriptorSet('bakery.orders');

function facts(change: (directory: MeshDirectory) => void = () => {}): Facts {
  const directory = new MeshDirectory().contract('bakery', 'bakery.orders', orders).service('orders');
  directory.replica('orders-0', { contract: contractHash(orders), inbound: '127.0.0.1:20001', application: 'unix:/a' });
  change(directory);
  return parseDirectory(directory.files);
}

test('a revision has its cause and the answers of the proxies that were sent something of it', async (t) => {
  const history = await open(t);
  const first = facts();
  record(history, first);
  record(history, { ...first, problems: [{ resource: 'a.yaml', message: 'is wrong' }] });
  const second = facts((mesh) => mesh.replica('orders-1', { contract: contractHash(orders), ready: false }));
  record(history, second);
  const third = facts((mesh) => mesh.replica('orders-1', { contract: contractHash(orders) }));
  record(history, third);
  for (const [workload, nonce] of [
    ['bakery/orders-0', '1'],
    ['bakery/orders-1', '1'],
    ['bakery/orders-2', '7'],
  ] as const) {
    history.sent({ workload, typeUrl, nonce, resources: [{ name: 'outbound' }], removed: [] });
  }
  history.acked({ workload: 'bakery/orders-0', typeUrl, nonce: '1', version: 'v', complete: true, at: 1234 });
  history.nacked({ workload: 'bakery/orders-1', typeUrl, nonce: '1', names: ['outbound'], message: 'no', at: 1235 });
  const [latest, before, oldest, ...none] = history.list();
  t.deepEqual(none, []);
  t.deepEqual(oldest?.causes, ['the first configuration']);
  t.deepEqual(before?.causes, ['Workload bakery/orders-1 added']);
  t.deepEqual(latest?.causes, ['Workload bakery/orders-1 ready']);
  t.true(latest?.endpointsOnly);
  t.like(latest, { number: 3, sent: 3, acknowledged: 1 });
  t.deepEqual(
    [...(latest?.answers ?? [])],
    [
      ['bakery/orders-0', { acknowledgedAtMs: 1234 }],
      ['bakery/orders-1', { nack: 'outbound: no' }],
      ['bakery/orders-2', {}],
    ],
  );
});

test('the same content has the same id, and what came between is not lost', async (t) => {
  const history = await open(t);
  const first = facts();
  const changed = withPolicy(orders, 'PlaceOrder', { deadline: { seconds: 9n } });
  const second = facts((mesh) => mesh.contract('bakery', 'bakery.orders', changed));
  record(history, first);
  record(history, second);
  record(history, facts());
  const [third, between, oldest] = history.list();
  t.is(third?.id, oldest?.id);
  t.not(third?.id, between?.id);
  t.deepEqual(between?.causes, ['contracts/bakery/bakery.orders.binpb changed']);
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
  const two = facts((mesh) => mesh.replica('orders-1', { contract: contractHash(orders) }));
  record(first, one);
  record(first, two);
  first.sent({ workload: 'bakery/orders-0', typeUrl, nonce: '1', resources: [{ name: 'x' }], removed: [] });
  first.acked({ workload: 'bakery/orders-0', typeUrl, nonce: '1', version: 'v', complete: true, at: 99 });
  await first.flush();
  const known = first.list();
  const [segment = ''] = await readdir(join(directory, 'segments'));
  await appendFile(join(directory, 'segments', segment), '0123abcd {"k":"r","n":3,"id":"to');

  const second = await open(t, { directory });
  t.deepEqual(second.list(), known);
  record(
    second,
    facts((mesh) => mesh.replica('orders-1', { contract: contractHash(orders) })),
  );
  t.deepEqual(second.list(), known);
  record(second, facts());
  t.deepEqual(second.list()[0]?.causes, ['Workload bakery/orders-1 gone']);
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
  record(history, last);
  for (let i = 1; i <= 300; i++) {
    const set = i % 50 === 0 ? withPolicy(orders, 'PlaceOrder', { deadline: { seconds: BigInt(i) } }) : orders;
    last = facts((mesh) => mesh.contract('bakery', 'bakery.orders', set).replica('orders-0', { account: `a${i}` }));
    record(history, last);
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
  record(history, one);
  await history.flush();
  const objects = join(directory, 'objects');
  await rename(objects, join(directory, 'whole'));
  await writeFile(join(directory, 'file'), 'in the way');
  await symlink('file', objects);
  const changed = withPolicy(orders, 'PlaceOrder', { deadline: { seconds: 9n } });
  const two = facts((mesh) => mesh.contract('bakery', 'bakery.orders', changed));
  record(history, two);
  await history.flush();
  record(
    history,
    facts((mesh) => mesh.contract('bakery', 'bakery.orders', changed).replica('orders-1', {})),
  );
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
  record(first, one);
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
    last = facts((mesh) => mesh.contract('bakery', 'bakery.orders', set));
    record(second, last);
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
  record(first, facts());
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

/** A mesh of many replicas, of which those with these names are ready. */
function many(ready: ReadonlySet<number>): Facts {
  return facts((mesh) => {
    for (let i = 1; i <= 200; i++) {
      mesh.replica(`orders-${i}`, { contract: contractHash(orders), ready: ready.has(i) });
    }
  });
}

test('a revision hashes what changed, also after a restart', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'weft-history-'));
  const first = await open(t, { directory });
  record(first, many(new Set()));
  first.list();
  const all = first.hashed;
  t.true(all > 200);
  record(first, many(new Set([7])));
  t.is(first.list()[0]?.causes[0], 'Workload bakery/orders-7 ready');
  t.is(first.hashed - all, 2, 'one part, before and after');
  await first.close();

  const second = await open(t, { directory });
  record(second, many(new Set([7])));
  t.is(second.list()[0]?.number, 2);
  t.is(second.hashed, 0, 'nothing has changed meanwhile');
  record(second, many(new Set()));
  t.is(second.list()[0]?.id, first.list()[1]?.id, 'the same content, over a restart');
  t.is(second.hashed, 2);
});

test('a turn before the source has said anything takes nothing away', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'weft-history-'));
  const first = await open(t, { directory });
  record(first, facts());
  await first.close();
  const second = await open(t, { directory });
  second.record({ changes: { parts: new Map(), contracts: [] }, endpointsOnly: true });
  record(second, facts());
  t.is(second.list().length, 1);
});

test('a history from before digests were kept goes on, and its ids stay', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'weft-history-'));
  const first = await open(t, { directory });
  record(first, many(new Set()));
  await first.close();
  const [name = ''] = await readdir(join(directory, 'segments'));
  const path = join(directory, 'segments', name);
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  const older = lines.map((line) => {
    const { sum: _, ...rest }: { sum?: string; k: string } = JSON.parse(line.slice(9));
    const json = JSON.stringify(rest.k === 'r' ? { ...rest, id: '0123456789ab' } : rest);
    return `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
  });
  await writeFile(path, older.join(''));
  const second = await open(t, { directory });
  record(second, many(new Set()));
  t.is(second.list()[0]?.id, '0123456789ab');
  record(second, many(new Set([1])));
  record(second, many(new Set()));
  t.is(second.list()[0]?.id, first.list()[0]?.id);
});

test('under churn, changes of endpoints become few revisions; nothing of them is lost, and anything else stands alone', async (t) => {
  let nowMs = 1_000_000;
  const directory = await mkdtemp(join(tmpdir(), 'weft-history-'));
  const history = await open(t, { directory, now: () => nowMs });
  record(history, many(new Set()));
  let ready = new Set<number>();
  for (let i = 0; i < 200; i++) {
    nowMs += 20;
    ready = new Set([...ready].slice(-10)).add(1 + (i % 200));
    record(history, many(ready));
  }
  const { length } = history.list();
  t.true(length <= 23, String(length));
  nowMs += 20;
  const changed = withPolicy(orders, 'PlaceOrder', { deadline: { seconds: 9n } });
  record(
    history,
    facts((mesh) => mesh.contract('bakery', 'bakery.orders', changed)),
  );
  t.is(history.list().length, length + 1);
  t.false(history.list()[0]?.endpointsOnly);
  const second = await history.factsAt(length);
  t.deepEqual(
    second?.workloads
      .filter((workload) => workload.ready && workload.name !== 'orders-0')
      .map(({ name }) => name)
      .sort(),
    [...ready].map((i) => `orders-${i}`).sort(),
  );
});

test('a segment that cannot be read costs only its own revisions, and is said so', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'weft-history-'));
  const first = await open(t, { directory });
  record(first, facts());
  await first.close();
  const [kept] = first.list();
  await mkdir(join(directory, 'segments/0000000007.log'));
  await mkdir(join(directory, 'objects/0123456789abcdef.gz'));
  const again = await open(t, { directory });
  t.deepEqual(
    again.list().map(({ id }) => id),
    [kept?.id],
  );
  t.deepEqual(
    again.problems().map(({ message }) => message),
    ['history does without history/segments/0000000007.log (EISDIR)'],
  );
  // What is written next does not go into its place.
  record(
    again,
    facts((mesh) => mesh.service('catalog')),
  );
  await again.flush();
  t.true((await readdir(join(directory, 'segments'))).includes('0000000008.log'));
});
