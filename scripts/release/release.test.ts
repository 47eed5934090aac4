import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { changelogSection } from './changelog.ts';
import { publishingCommands } from './publishing-commands.ts';
import { releaseProblems } from './release-problems.ts';
import { setVersion, versionPlaces } from './versions.ts';

const root = join(import.meta.dirname, '../..');
const current = versionPlaces(root)[0]?.versions[0] ?? '';

/** A repository with every file that names the version, all of it committed. */
function repository(t: ExecutionContext): { dir: string; git: (...args: string[]) => void } {
  const dir = mkdtempSync(join(tmpdir(), 'release-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const files = ['package.json', 'CHANGELOG.md', '{packages,services,contracts}/*/package.json', 'k8s/package.json'];
  for (const file of globSync([...files, 'charts/*/Chart.yaml', 'services/*/src/version.ts'], { cwd: root }))
    cpSync(join(root, file), join(dir, file));
  const git = (...args: string[]) => {
    execFileSync('git', ['-c', 'user.name=test', '-c', 'user.email=test@example.org', ...args], { cwd: dir });
  };
  git('init', '--quiet');
  git('add', '.');
  git('commit', '--quiet', '--message', 'all');
  return { dir, git };
}

test('one version stands everywhere, and CHANGELOG.md says what is in it', (t) => {
  for (const { file, versions } of versionPlaces(root)) t.deepEqual(versions, [current], file);
  const changelog = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');
  t.truthy(changelogSection(changelog, current));
  t.regex(changelog, /^## \[Unreleased\]$/m);
});

test('a clean tree of that version can be released; a changed one, another version and an untold one cannot', (t) => {
  const { dir, git } = repository(t);
  t.deepEqual(releaseProblems(dir, current), []);
  t.regex(releaseProblems(dir, '').join(), /No version was given; name one/);
  t.regex(releaseProblems(dir, 'v1.0').join(), /v1\.0 is no semantic version/);

  appendFileSync(join(dir, 'package.json'), '\n');
  writeFileSync(join(dir, 'new.txt'), '');
  t.deepEqual(releaseProblems(dir, current), [
    'The tree has changes that are not committed: package.json, new.txt; commit or remove them.',
  ]);
  git('add', '.');
  git('commit', '--quiet', '--message', 'changed');

  const [version, changelog] = releaseProblems(dir, '7.8.9-rc.1');
  t.regex(
    version ?? '',
    /^package\.json says .*, not 7\.8\.9-rc\.1 \(and \d+ more files\); `node scripts\/set-version\.ts/,
  );
  t.regex(changelog ?? '', /^CHANGELOG\.md says nothing of 7\.8\.9-rc\.1; write/);
});

test('a version is set everywhere, with what depends on it', (t) => {
  const { dir, git } = repository(t);
  setVersion(dir, '7.8.9');
  appendFileSync(join(dir, 'CHANGELOG.md'), '\n## [7.8.9] - 2027-01-01\n\n- Bread.\n');
  git('commit', '--all', '--quiet', '--message', 'Release 7.8.9');
  t.deepEqual(releaseProblems(dir, '7.8.9'), []);
  const { dependencies } = JSON.parse(readFileSync(join(dir, 'services/control-plane/package.json'), 'utf8'));
  t.is(dependencies['@weft/compiler'], '7.8.9');
  t.is(
    dependencies.yaml,
    JSON.parse(readFileSync(join(root, 'services/control-plane/package.json'), 'utf8')).dependencies.yaml,
  );
  t.is(JSON.parse(readFileSync(join(dir, 'services/orders/package.json'), 'utf8')).version, current, 'not released');

  git('tag', 'v7.8.9');
  t.deepEqual(releaseProblems(dir, '7.8.9'), []);
  git('commit', '--allow-empty', '--quiet', '--message', 'later');
  t.regex(releaseProblems(dir, '7.8.9').join(), /The tag v7\.8\.9 is on another commit/);
});

test('a section of the changelog ends with the next one, or with the links', (t) => {
  const changelog =
    '# C\n\n## [2.0.0] - d\n\n- b\n\n## [1.0.0] - d\n\n- a\n\n[1.0.0]: https://example.org\n\n## [0.9.0] - d\n';
  t.is(changelogSection(changelog, '2.0.0'), '- b\n');
  t.is(changelogSection(changelog, '1.0.0'), '- a\n');
  t.is(changelogSection(changelog, '0.9.0'), undefined);
  t.is(changelogSection(changelog, '1.0'), undefined);
});

test('images are published before what names them, and prereleases not as the latest', (t) => {
  const released = {
    packages: ['a.tgz'],
    charts: ['weft.tgz'],
    images: { orders: { reference: 'example.org/orders:1' } },
  };
  t.deepEqual(publishingCommands({ ...released, version: '1.0.0-rc.1' }), [
    'docker push example.org/orders:1',
    'npm publish a.tgz --tag next',
    'helm push weft.tgz "oci://$CHARTS"',
    'git tag -a v1.0.0-rc.1 -F dist/release/1.0.0-rc.1/NOTES.md && git push origin v1.0.0-rc.1',
  ]);
  t.true(publishingCommands({ ...released, version: '1.0.0' }).includes('npm publish a.tgz'));
});
