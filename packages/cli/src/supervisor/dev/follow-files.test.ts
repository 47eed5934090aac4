import { mkdir, mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type Edit, followFiles } from './follow-files.ts';
import { childrenNamed, filesEnding, placesOf, type WatchedPlace } from './watched-place.ts';

/** Follows a folder; `next` resolves with the paths of the next edit, relative to the folder. */
async function follow(
  t: ExecutionContext,
  places: (root: string) => WatchedPlace[],
  files: Record<string, string>,
  onEdit = () => {},
) {
  const root = await mkdtemp(join(tmpdir(), 'weft-follow-'));
  const stop = new AbortController();
  t.teardown(async () => {
    stop.abort();
    await rm(root, { recursive: true });
  });
  const writeInPlace = async (path: string, content: string) => {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), content);
  };
  // By rename, as most editors do. A file that is written in place is empty for a moment, which may be an edit of its own.
  const write = async (path: string, content: string) => {
    await writeInPlace(`${path}.tmp`, content);
    await rename(join(root, `${path}.tmp`), join(root, path));
  };
  for (const [path, content] of Object.entries(files)) await write(path, content);
  const edits: Edit[] = [];
  let wake = () => {};
  await followFiles(
    () => places(root),
    (edit) => {
      edits.push(edit);
      onEdit();
      wake();
    },
    stop.signal,
  );
  /** All paths that are told until all of `paths` were: a slow save may be two edits. */
  const until = async (...paths: readonly string[]): Promise<string[]> => {
    const seen = new Set<string>();
    for (;;) {
      for (const edit of edits.splice(0)) {
        for (const path of edit.paths) seen.add(path.slice(root.length + 1));
      }
      if (paths.every((path) => seen.has(path))) return [...seen].sort();
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { root, write, writeInPlace, until };
}

const sources = (root: string) => placesOf(root, ['src/**', 'package.json', 'migrations/**']);

test('a save in place, by rename, of several files at once, in a new folder, and a removal', async (t) => {
  const { root, write, writeInPlace, until } = await follow(t, sources, {
    'src/main.ts': 'a',
    'src/other.ts': 'a',
    'package.json': '{}',
  });
  await write('src/main.ts', 'b');
  t.deepEqual(await until('src/main.ts'), ['src/main.ts']);
  await write('src/.main.ts.swp', 'c');
  await write('src/main.ts', 'c');
  t.deepEqual(await until('src/main.ts'), ['src/main.ts']);
  await Promise.all([write('src/main.ts', 'd'), write('src/other.ts', 'd'), write('package.json', '{"a":1}')]);
  t.deepEqual(await until('package.json', 'src/main.ts', 'src/other.ts'), [
    'package.json',
    'src/main.ts',
    'src/other.ts',
  ]);
  await write('src/deep/er/new.ts', 'a');
  t.deepEqual(await until('src/deep/er/new.ts'), ['src/deep/er/new.ts']);
  await write('migrations/0001.sql', 'a');
  t.deepEqual(await until('migrations/0001.sql'), ['migrations/0001.sql'], 'in a folder that was not there');
  await rm(join(root, 'src/deep'), { recursive: true });
  t.deepEqual(await until('src/deep/er/new.ts'), ['src/deep/er/new.ts']);
  await write('src/deep/er/new.ts', 'b');
  t.deepEqual(await until('src/deep/er/new.ts'), ['src/deep/er/new.ts'], 'in a folder that was made again');
  await writeInPlace('src/other.ts', 'e');
  t.deepEqual(await until('src/other.ts'), ['src/other.ts']);
});

test('a touch, the same content, ignored names and other files are no edits', async (t) => {
  const { root, write, until } = await follow(t, sources, { 'src/main.ts': 'a' });
  await utimes(join(root, 'src/main.ts'), new Date(), new Date());
  await write('src/main.ts', 'a');
  await write('src/node_modules/x/index.ts', 'a');
  await write('src/.cache/x', 'a');
  await write('src/main.ts~', 'a');
  await write('README.md', 'a');
  await write('src/last.ts', 'a');
  t.deepEqual(await until('src/last.ts'), ['src/last.ts']);
});

test('a change of the same size in the same moment', async (t) => {
  const { write, until } = await follow(t, sources, { 'src/main.ts': 'a' });
  for (const content of ['b', 'c', 'd', 'e', 'f']) {
    await write('src/main.ts', content);
    t.deepEqual(await until('src/main.ts'), ['src/main.ts']);
  }
});

test('folders of services and of contracts', async (t) => {
  const { root, write, until } = await follow(
    t,
    (directory) => [
      childrenNamed(join(directory, 'services'), 'weft.yaml'),
      filesEnding(join(directory, 'proto'), '.proto'),
    ],
    { 'services/a/weft.yaml': 'name: a', 'proto/a/v1/a.proto': 'syntax' },
  );
  await write('services/b/src/main.ts', 'b');
  await write('services/b/weft.yaml', 'name: b');
  t.deepEqual(await until('services/b/weft.yaml'), ['services/b/weft.yaml']);
  await write('proto/README.md', 'b');
  await write('proto/b/v1/b.proto', 'syntax');
  t.deepEqual(await until('proto/b/v1/b.proto'), ['proto/b/v1/b.proto']);
  await rm(join(root, 'services/a'), { recursive: true });
  t.deepEqual(await until('services/a/weft.yaml'), ['services/a/weft.yaml']);
});

test('what is in a new place was seen by who made it one; what changes there later is an edit', async (t) => {
  const made: string[] = [];
  const { write, until } = await follow(
    t,
    (root) => [
      childrenNamed(join(root, 'services'), 'weft.yaml'),
      ...made.flatMap((name) => placesOf(join(root, 'services', name), ['src/**'])),
    ],
    { 'services/a/src/main.ts': 'a' },
    () => made.push('a'),
  );
  await write('services/a/weft.yaml', 'name: a');
  t.deepEqual(await until('services/a/weft.yaml'), ['services/a/weft.yaml']);
  await write('services/a/src/other.ts', 'b');
  t.deepEqual(await until('services/a/src/other.ts'), ['services/a/src/other.ts']);
});
