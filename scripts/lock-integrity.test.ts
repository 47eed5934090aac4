import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { packagesWithoutIntegrity } from './lock-integrity.ts';

test('every package of the lock file has its integrity, those of other platforms included', (t) => {
  t.deepEqual(packagesWithoutIntegrity(readFileSync(join(import.meta.dirname, '../package-lock.json'), 'utf8')), []);
});

test('a package without a hash is named; links and bundled packages need none', (t) => {
  const packages = {
    '': { version: '1.0.0' },
    'packages/cli': { version: '1.0.0' },
    'node_modules/@weft/cli': { link: true },
    'node_modules/good': { version: '1.0.0', integrity: 'sha512-x' },
    'node_modules/good/node_modules/bundled': { version: '2.0.0', inBundle: true },
    'node_modules/@bad/linux-x64': { version: '3.0.0', optional: true },
  };
  t.deepEqual(packagesWithoutIntegrity(JSON.stringify({ packages })), ['@bad/linux-x64@3.0.0']);
});
