import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import test, { type ExecutionContext } from 'ava';
import { LocalTokens } from './local-tokens.ts';

const token = 'a-long-and-secret-token';

async function fixture(t: ExecutionContext) {
  const directory = await mkdtemp(join(tmpdir(), 'weft-tokens-'));
  await mkdir(join(directory, 'bakery'));
  await writeFile(join(directory, 'bakery', 'orders-0'), `${token}\n`, { mode: 0o600 });
  let revoked: (workload: WorkloadId) => void = () => {};
  const nextRevoked = () => new Promise<WorkloadId>((resolve) => (revoked = resolve));
  const tokens = new LocalTokens({ directory, onRevoked: (workload) => revoked(workload) });
  await tokens.open();
  t.teardown(async () => {
    tokens.close();
    await rm(directory, { recursive: true, force: true });
  });
  const who = (value: string) => tokens.authenticate({ authorization: value });
  return { directory, who, nextRevoked };
}

test('a token says who its proxy is, whatever else the proxy says', async (t) => {
  const { who } = await fixture(t);
  t.deepEqual(await who(`Bearer ${token}`), { ok: true, workload: 'bakery/orders-0' });
  t.deepEqual(await who(`bearer ${token}`), { ok: true, workload: 'bakery/orders-0' });
  for (const wrong of ['', 'Bearer', 'Bearer ', `Bearer ${token}x`, `Basic ${token}`, `Bearer ${token} ${token}`]) {
    t.false((await who(wrong)).ok, wrong);
  }
});

test('a token that is removed or replaced is no longer known; a new one is', async (t) => {
  const { directory, who, nextRevoked } = await fixture(t);
  let revoked = nextRevoked();
  await writeFile(join(directory, 'bakery', '.new'), 'another-long-secret-token');
  await rename(join(directory, 'bakery', '.new'), join(directory, 'bakery', 'orders-0'));
  t.is(await revoked, 'bakery/orders-0');
  t.false((await who(`Bearer ${token}`)).ok);
  t.deepEqual(await who('Bearer another-long-secret-token'), { ok: true, workload: 'bakery/orders-0' });
  revoked = nextRevoked();
  await rm(join(directory, 'bakery'), { recursive: true });
  t.is(await revoked, 'bakery/orders-0');
  t.false((await who('Bearer another-long-secret-token')).ok);
});

test('an empty token file opens no door', async (t) => {
  const { directory, who } = await fixture(t);
  await writeFile(join(directory, 'bakery', 'catalog-0'), '');
  await writeFile(join(directory, 'bakery', 'catalog-1'), 'short');
  t.false((await who('Bearer short')).ok);
  t.false((await who('Bearer ')).ok);
});

test('a directory that is not there is empty', async (t) => {
  const tokens = new LocalTokens({ directory: join(tmpdir(), 'weft-no-such-tokens') });
  await tokens.open();
  t.false((await tokens.authenticate({ authorization: `Bearer ${token}` })).ok);
  tokens.close();
});
