import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { overrideYaml, removeOverride, writeOverride } from './override-file.ts';

const manifest = {
  namespace: 'bakery',
  name: 'o',
  createdMs: 0,
  spec: { service: 'orders', deny: ['bakery.a'], reason: 'x', expires: '1970-01-01T01:00:00.000Z', by: 'ada@host' },
};

test('is written whole, found by its name, and removed alone', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'weft-override-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  writeOverride(directory, manifest);
  t.deepEqual(readdirSync(directory), ['override-bakery.o.yaml']);
  writeFileSync(join(directory, 'mine.yaml'), overrideYaml({ ...manifest, name: 'mine' }));
  writeFileSync(join(directory, 'two.yaml'), `${overrideYaml({ ...manifest, name: 'two' })}---\nkind: Other\n`);
  writeFileSync(join(directory, 'broken.yaml'), 'kind: [');
  t.is(removeOverride(directory, 'bakery', 'two'), undefined);
  t.is(removeOverride(directory, 'branch', 'o'), undefined);
  t.is(removeOverride(directory, 'bakery', 'mine'), join(directory, 'mine.yaml'));
  t.is(removeOverride(directory, 'bakery', 'o'), join(directory, 'override-bakery.o.yaml'));
  t.deepEqual(readdirSync(directory).sort(), ['broken.yaml', 'two.yaml']);
  t.is(removeOverride(join(directory, 'none'), 'bakery', 'o'), undefined);
});
