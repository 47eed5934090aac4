import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { changelogSection } from './changelog.ts';
import { isVersion, versionPlaces } from './versions.ts';

/** Why this version cannot be released from the repository at `root`, one sentence each. Empty: it can. */
export function releaseProblems(root: string, version: string): readonly string[] {
  if (!isVersion(version)) {
    const given = version === '' ? 'No version was given' : `${version} is no semantic version`;
    return [`${given}; name one, as make release VERSION=1.2.3.`];
  }
  const problems: string[] = [];
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
  const changed = git('status', '--porcelain').split('\n').filter(Boolean);
  if (changed.length > 0) {
    const shown = changed.slice(0, 3).map((line) => line.slice(2).trim());
    const more = changed.length > shown.length ? ` and ${changed.length - shown.length} more` : '';
    problems.push(`The tree has changes that are not committed: ${shown.join(', ')}${more}; commit or remove them.`);
  }
  const wrong = versionPlaces(root).filter(({ versions }) => versions.length !== 1 || versions[0] !== version);
  const [first] = wrong;
  if (first !== undefined) {
    const more = wrong.length > 1 ? ` (and ${wrong.length - 1} more files)` : '';
    problems.push(
      `${first.file} says ${first.versions.join(' and ')}, not ${version}${more}; ` +
        `\`node scripts/set-version.ts ${version}\` changes it everywhere.`,
    );
  }
  const tag = `v${version}`;
  if (git('tag', '--list', tag) !== '' && git('rev-parse', `${tag}^{commit}`) !== git('rev-parse', 'HEAD')) {
    problems.push(`The tag ${tag} is on another commit; a version is released once. Choose the next one.`);
  }
  const changelog = join(root, 'CHANGELOG.md');
  if (!existsSync(changelog) || changelogSection(readFileSync(changelog, 'utf8'), version) === undefined) {
    problems.push(`CHANGELOG.md says nothing of ${version}; write what changed below "## [${version}] - YYYY-MM-DD".`);
  }
  return problems;
}
