import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { Aside } from './aside.ts';
import { asideFile } from './aside-store.ts';

const source = { resource: 'contracts/aaa/a.binpb', about: [], version: '1' };
const common = { scope: '{"gateway":"edge"}', version: '2', sources: [source], reason: 'missing )' };
const all: readonly Aside[] = [
  {
    ...common,
    key: 'edge\naaa/leaf',
    instead: {
      key: 'edge\naaa/leaf',
      version: '1',
      sources: [source],
      said: { gateway: { hostnames: ['a.test'], calls: new Uint8Array([0, 255]), rest: Buffer.from('rest') } },
    },
  },
  {
    ...common,
    key: 'aaa/leaf',
    instead: { key: 'aaa/leaf', version: '1', sources: [], said: { host: Buffer.from('h') } },
  },
  { ...common, key: 'zzz/leaf' },
];

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

function inHex({ instead, ...rest }: Aside) {
  if (instead === undefined) return rest;
  const { said, ...form } = instead;
  const bytes = 'host' in said ? [said.host] : [said.gateway.calls, said.gateway.rest];
  const hostnames = 'host' in said ? [] : said.gateway.hostnames;
  return { ...rest, form, hostnames, bytes: bytes.map(hex) };
}

test('aside-store: what is set aside comes back with its last good forms', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'weft-aside-'));
  t.teardown(() => rm(dir, { recursive: true }));
  const store = asideFile(join(dir, 'set-aside.json'));
  t.deepEqual(await store.load(), []);
  store.save([]);
  store.save(all);
  await store.close();
  const found = await asideFile(join(dir, 'set-aside.json')).load();
  t.deepEqual(found.map(inHex), all.map(inHex));
});

for (const text of ['', '{', '{"format":2,"aside":[]}', '{"format":1,"aside":[{"scope":1}]}']) {
  test(`aside-store: a file that is not understood is none: ${text}`, async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'weft-aside-'));
    t.teardown(() => rm(dir, { recursive: true }));
    const path = join(dir, 'set-aside.json');
    await writeFile(path, text);
    t.deepEqual(await asideFile(path).load(), []);
  });
}
