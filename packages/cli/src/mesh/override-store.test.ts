import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { overrideStore } from './override-store.ts';

const manifest = {
  namespace: 'bakery',
  name: 'payments-1a2b3c',
  createdMs: Date.UTC(2026, 0, 1),
  spec: { service: 'payments', deny: ['bakery.orders'], reason: 'it loops', by: 'ann' },
};

/** A kubectl that notes what it is asked, and answers as the test says. */
function kubectl(directory: string, answer: string) {
  writeFileSync(
    join(directory, 'kubectl'),
    `#!/bin/sh\necho "$@" >> ${directory}/asked\ncat > ${directory}/input\n${answer}\n`,
    {
      mode: 0o755,
    },
  );
  return () => readFileSync(join(directory, 'asked'), 'utf8').trim().split('\n');
}

test.serial('in a cluster it is made and removed by kubectl, with the rights of whoever asks', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'weft-kubectl-'));
  const path = process.env.PATH;
  t.teardown(() => {
    process.env.PATH = path;
    rmSync(directory, { recursive: true });
  });
  process.env.PATH = `${directory}:${path}`;
  const asked = kubectl(directory, 'echo meshoverride.weft.dev/payments-1a2b3c');
  const store = overrideStore({ cluster: 'east' });
  await store.write(manifest);
  t.like(parse(readFileSync(join(directory, 'input'), 'utf8')), {
    kind: 'MeshOverride',
    metadata: { namespace: 'bakery', name: 'payments-1a2b3c' },
    spec: manifest.spec,
  });
  t.true(await store.remove('bakery', 'payments-1a2b3c'));
  t.deepEqual(asked(), [
    '--context east create -f -',
    '--context east delete meshoverrides.weft.dev payments-1a2b3c -n bakery --ignore-not-found -o name',
  ]);
  kubectl(directory, 'true');
  t.false(await overrideStore({ cluster: true }).remove('bakery', 'gone'));
  kubectl(directory, 'echo "Error from server (Forbidden): no" >&2; exit 1');
  await t.throwsAsync(store.write(manifest), {
    message: 'The override was not created: Error from server (Forbidden): no',
  });
});

test.serial('without kubectl it says so', async (t) => {
  const path = process.env.PATH;
  process.env.PATH = '/nowhere';
  t.teardown(() => {
    process.env.PATH = path;
  });
  await t.throwsAsync(overrideStore({ cluster: true }).write(manifest), { message: /^kubectl is not on PATH/ });
});
