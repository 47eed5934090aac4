/**
 * What CHANGELOG.md says of a version: the lines below `## [version] - date`, in the form of https://keepachangelog.com/en/1.1.0/.
 * Undefined where there is no such section, or nothing in it.
 */
export function changelogSection(changelog: string, version: string): string | undefined {
  const lines = changelog.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`## [${version}] - `));
  if (start < 0) return undefined;
  const length = lines.slice(start + 1).findIndex((line) => line.startsWith('## ') || /^\[[^\]]+\]: /.test(line));
  const section = lines.slice(start + 1, length < 0 ? undefined : start + 1 + length);
  const text = section.join('\n').trim();
  return text === '' ? undefined : `${text}\n`;
}
