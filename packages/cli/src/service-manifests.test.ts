import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { readServiceManifests } from './service-manifests.ts';

test('services that cannot be read or that contradict another are left out, each with its file and the reason', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'manifests-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  for (const [folder, text] of [
    ['bread', 'schema: flour'],
    ['cake', 'name: bread'],
    ['pie', 'schema: flour'],
    ['roll', 'name: ['],
    ['tart', ''],
  ] as const) {
    await mkdir(join(root, 'services', folder), { recursive: true });
    await writeFile(join(root, 'services', folder, 'weft.yaml'), text);
  }
  await mkdir(join(root, 'services/notes'));
  await mkdir(join(root, 'services/trap/weft.yaml'), { recursive: true });

  const { services, problems } = readServiceManifests({
    root,
    folders: [join(root, 'services'), join(root, 'missing')],
    namespace: 'bakery',
    contractOf: () => undefined,
  });

  t.deepEqual(
    services.map(({ name }) => name),
    ['bread', 'tart'],
  );
  t.deepEqual(
    problems.map(({ file }) => file),
    ['services/cake/weft.yaml', 'services/pie/weft.yaml', 'services/roll/weft.yaml', 'services/trap/weft.yaml'],
  );
  t.is(problems[0]?.message, 'name: bread is taken by services/bread/weft.yaml; choose another');
  t.is(problems[1]?.message, 'schema: flour belongs to bread (services/bread/weft.yaml); choose another');
  t.regex(problems[2]?.message ?? '', /^not YAML/);
  t.regex(problems[3]?.message ?? '', /EISDIR|directory/);
});
