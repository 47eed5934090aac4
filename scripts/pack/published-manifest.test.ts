import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { publishedManifest } from './published-manifest.ts';
import { type Manifest, publishedPackages, readManifest } from './published-packages.ts';

const root = join(import.meta.dirname, '../..');
const source: Manifest = {
  name: '@bakery/oven',
  version: '1.2.3',
  private: true,
  keywords: ['bread'],
  bin: { oven: './src/main.ts', shovel: './bin/shovel.js' },
  exports: { '.': './src/index.ts', './*': './src/gen/*_pb.ts', './proto/*': './proto/*' },
  dependencies: { '@bakery/flour': '1.2.3', pino: '10.4.0', salt: '>=1 <3' },
  optionalDependencies: { yeast: '1.0.0-beta.1' },
  peerDependencies: { '@bakery/bowl': '1.2.3', pan: '2.0.0 - 2.4.0' },
  devDependencies: { ava: '8.1.2' },
  scripts: { prepack: 'false' },
};

test('a published manifest has JavaScript with types, and ranges instead of versions', (t) => {
  const published = publishedManifest(source, {
    directory: 'packages/oven',
    repositoryUrl: 'git+https://example.org/bakery.git',
    files: ['bin', 'dist'],
    versions: new Map([
      ['@bakery/flour', '1.2.3'],
      ['@bakery/bowl', '1.2.3'],
    ]),
  });
  t.deepEqual(published, {
    name: '@bakery/oven',
    version: '1.2.3',
    keywords: ['bread'],
    repository: { type: 'git', url: 'git+https://example.org/bakery.git', directory: 'packages/oven' },
    publishConfig: { access: 'public', provenance: true },
    files: ['bin', 'dist'],
    bin: { oven: 'dist/main.js', shovel: 'bin/shovel.js' },
    exports: {
      '.': { types: './dist/index.d.ts', default: './dist/index.js' },
      './*': { types: './dist/gen/*_pb.d.ts', default: './dist/gen/*_pb.js' },
      './proto/*': './proto/*',
      './package.json': './package.json',
    },
    dependencies: { '@bakery/flour': '^1.2.3', pino: '^10.4.0', salt: '>=1 <3' },
    optionalDependencies: { yeast: '^1.0.0-beta.1' },
    peerDependencies: { '@bakery/bowl': '^1.2.3', pan: '2.0.0 - 2.4.0' },
  });
});

test('every published package says what npm shows of it, and one version is released', (t) => {
  const packages = publishedPackages(root);
  t.true(packages.length >= 10);
  const [released = ''] = packages.map(({ manifest }) => manifest.version);
  for (const { directory, manifest } of packages) {
    const { description, keywords, license, engines, version } = manifest;
    t.is(typeof description, 'string', directory);
    t.true(Array.isArray(keywords) && keywords.length > 1, `${directory}: keywords`);
    t.is(license, 'Apache-2.0', directory);
    t.truthy(engines, `${directory}: engines`);
    t.is(version, released, directory);
    t.true(readdirSync(join(root, directory)).includes('README.md'), `${directory}: README.md`);
  }
});

test('no package can be published from its sources', (t) => {
  const out = mkdtempSync(join(tmpdir(), 'refused-'));
  t.teardown(() => rmSync(out, { recursive: true, force: true }));
  for (const file of globSync(['packages/*/package.json', 'services/*/package.json', 'k8s/package.json'], {
    cwd: root,
  })) {
    t.is(
      readManifest(join(root, file)).private,
      true,
      `${file}: npm publishes nothing private, whatever its scripts say`,
    );
  }
  for (const args of [
    ['pack', '--pack-destination', out],
    ['publish', '--dry-run'],
  ]) {
    const { status, stderr } = spawnSync('npm', args, { cwd: join(root, 'packages/collections'), encoding: 'utf8' });
    t.not(status, 0, args.join(' '));
    t.regex(stderr, /@weft\/collections: these are TypeScript sources, .* pack with `node scripts\/pack\.ts`/);
  }
  t.deepEqual(readdirSync(out), []);
});
