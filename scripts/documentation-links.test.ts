import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import test from 'ava';
import { markdownAnchors, markdownLinks } from './markdown-links.ts';

const root = join(import.meta.dirname, '..');
const pages = globSync(['*.md', '{bench,charts,docs,images,k8s,packages,services,tests}/**/*.md'], {
  cwd: root,
  // What is in templates belongs to another project.
  exclude: ['**/node_modules/**', 'packages/*/templates/**', 'packages/*/shop-files/**', 'packages/cli/chart/**'],
});
const read = (page: string) => readFileSync(join(root, page), 'utf8');

/** What is wrong with a link; undefined: it leads somewhere, or out of the repository. */
function broken(page: string, target: string): string | undefined {
  if (/^[a-z][a-z+.-]*:/i.test(target)) return undefined;
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : join(dirname(page), decodeURIComponent(path));
  if (file.startsWith('..')) return 'is outside of the repository';
  if (!existsSync(join(root, file))) return `there is no ${file}`;
  if (anchor === undefined || !file.endsWith('.md')) return undefined;
  return markdownAnchors(read(file)).has(anchor) ? undefined : `${file} has no heading #${anchor}`;
}

test('every relative link of the documentation leads to a file and a heading', (t) => {
  const links = pages.flatMap((page) => markdownLinks(read(page)).map((link) => ({ page, ...link })));
  t.true(links.length > 200, 'links are found');
  t.deepEqual(
    links.flatMap(({ page, target, line }) => {
      const reason = broken(page, target);
      return reason === undefined ? [] : [`${page}:${line}: ${target}: ${reason}`];
    }),
    [],
  );
});

test('docs/README.md lists every page of docs/ once, below tutorial, how-to, reference or explanation', (t) => {
  const index = read('docs/README.md');
  const headings = [...index.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
  t.deepEqual(headings, ['Tutorial', 'How-to', 'Reference', 'Explanation']);
  const listed = markdownLinks(index.slice(index.indexOf('\n## ')))
    .map(({ target }) => target)
    .filter((target) => /^[^/#]+\.md$/.test(target));
  const there = globSync('docs/*.md', { cwd: root }).map((page) => relative('docs', page));
  t.deepEqual(listed.toSorted(), there.filter((page) => page !== 'README.md').toSorted());
});

test('docs/decisions/README.md lists every decision once', (t) => {
  const listed = markdownLinks(read('docs/decisions/README.md')).map(({ target }) => target);
  const there = globSync('docs/decisions/*.md', { cwd: root }).map((page) => relative('docs/decisions', page));
  t.deepEqual(listed.toSorted(), there.filter((page) => page !== 'README.md').toSorted());
});

test('links in text, not in code', (t) => {
  const markdown = [
    'A [link](a.md#b "title"), an [image ![x](b.png)](c.md) and `[code](d.md)`.',
    '',
    '    [block](e.md)',
    '```',
    '[fence](f.md)',
    '```',
    '[name]: g.md',
  ].join('\n');
  t.deepEqual(
    markdownLinks(markdown).map(({ target, line }) => `${line} ${target}`),
    ['1 a.md#b', '1 b.png', '1 c.md', '7 g.md'],
  );
});

test('anchors as GitHub makes them', (t) => {
  const markdown =
    '# Who may call?\n## `weft why`\n```\n# no\n```\n## A [link](b.md), twice\n## A link, twice\n### 1. Move it\n';
  t.deepEqual(
    [...markdownAnchors(markdown)],
    ['who-may-call', 'weft-why', 'a-link-twice', 'a-link-twice-1', '1-move-it'],
  );
});
