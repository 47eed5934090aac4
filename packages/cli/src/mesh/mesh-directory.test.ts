import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { MeshDirectory } from './mesh-directory.ts';

function directory(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'weft-mesh-'));
  t.teardown(() => rmSync(path, { recursive: true }));
  return path;
}

const workload = {
  namespace: 'bakery',
  name: 'orders-0',
  labels: {},
  serviceAccount: 'orders',
  inbound: [],
  ready: false,
};

test('what an earlier run has left goes, what the user has put there stays', (t) => {
  const path = directory(t);
  mkdirSync(join(path, 'user'));
  mkdirSync(join(path, 'workloads'));
  writeFileSync(join(path, 'user/mine.yaml'), 'a');
  writeFileSync(join(path, 'workloads/bakery.old-0.yaml'), 'b');
  new MeshDirectory(path);
  t.true(existsSync(join(path, 'user/mine.yaml')));
  t.deepEqual(readdirSync(join(path, 'workloads')), []);
});

test('a manifest is replaced as a whole, only when it differs, and leaves no other file', (t) => {
  const path = directory(t);
  const mesh = new MeshDirectory(path);
  const file = join(path, 'workloads/bakery.orders-0.yaml');
  mesh.writeWorkload(workload);
  const first = statSync(file).ino;
  mesh.writeWorkload({ ...workload });
  t.is(statSync(file).ino, first);
  mesh.writeWorkload({ ...workload, ready: true });
  t.not(statSync(file).ino, first);
  t.deepEqual(readdirSync(join(path, 'workloads')), ['bakery.orders-0.yaml']);
  mesh.removeWorkload(workload);
  t.false(existsSync(file));
  // It may come back with the same content.
  mesh.writeWorkload({ ...workload, ready: true });
  t.true(existsSync(file));
});

test('a contract is published under its hash', (t) => {
  const path = directory(t);
  const mesh = new MeshDirectory(path);
  const source = join(path, 'user/bakery.orders.binpb');
  t.is(mesh.publishContract('bakery', source), undefined);
  writeFileSync(source, 'abc');
  // SHA-256("abc") begins so (FIPS 180-2, B.1).
  t.is(mesh.publishContract('bakery', source), 'ba7816bf8f01cfea');
  t.is(readFileSync(join(path, 'contracts/bakery/ba7816bf8f01cfea.binpb'), 'utf8'), 'abc');
});

test('what a full disk does not take is there as soon as it has space, and that is said once', async (t) => {
  const path = directory(t);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', path]).status !== 0) {
    t.log('not tried: this user may mount no disk');
    t.pass();
    return;
  }
  try {
    let told = 0;
    const mesh = new MeshDirectory(path, () => told++);
    mesh.write('a.yaml', 'old');
    t.throws(() => writeFileSync(join(path, 'filler'), Buffer.alloc(1 << 20)), { code: 'ENOSPC' });
    mesh.write('a.yaml', 'new');
    mesh.write('b.yaml', 'new');
    t.true(mesh.full);
    t.is(told, 1);
    t.is(readFileSync(join(path, 'a.yaml'), 'utf8'), 'old');
    // What is as it was before has nothing to wait for.
    mesh.write('a.yaml', 'old');
    mesh.write('a.yaml', 'newest');
    rmSync(join(path, 'filler'));
    while (mesh.full) await sleep(20);
    t.is(readFileSync(join(path, 'a.yaml'), 'utf8'), 'newest');
    t.is(readFileSync(join(path, 'b.yaml'), 'utf8'), 'new');
    t.is(told, 1);
  } finally {
    spawnSync('umount', ['-l', path]);
  }
});
