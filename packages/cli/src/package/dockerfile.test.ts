import test from 'ava';
import { baseImages, copiedPaths, imageUser } from './dockerfile.ts';

const copies: readonly [line: string, paths: readonly string[]][] = [
  ['COPY a.py b.py ./', ['a.py', 'b.py']],
  ['COPY . .', ['.']],
  ['copy --chown=1:1 --link src/ /app/', ['src/']],
  ['COPY --from=build /app /app', []],
  ['COPY ["a file", "b", "/to/"]', ['a file', 'b']],
  ['COPY /rooted /app', ['rooted']],
  ['COPY a \\\n  b \\\n  # not this\n  c /to/', ['a', 'b', 'c']],
  ['ADD https://example.com/x.tgz local.tgz /to/', ['local.tgz']],
  ['RUN cp a b', []],
  ['# COPY a b', []],
];
for (const [line, paths] of copies) {
  test(`${JSON.stringify(line)} copies ${paths.join(', ') || 'nothing'}`, (t) => {
    t.deepEqual(copiedPaths(`FROM x\n${line}\n`), paths);
  });
}

test('a user counts when it is a number and not root, in the last stage', (t) => {
  t.is(imageUser('FROM a\nUSER 1000'), 'numeric');
  t.is(imageUser('FROM a\nUSER 1000:1000'), 'numeric');
  t.is(imageUser('FROM a\nUSER node\nUSER 7'), 'numeric');
  for (const text of ['FROM a', 'FROM a\nUSER node', 'FROM a\nUSER 0', 'FROM a\nUSER 7\nFROM b', 'FROM a\nUSER $U']) {
    t.is(imageUser(text), 'other', text);
  }
});

test('bases are the images that no stage of the file is', (t) => {
  const text =
    'FROM --platform=linux/amd64 golang:1.26 AS build\nFROM build AS test\nFROM scratch\nCOPY --from=build /a /a';
  t.deepEqual(baseImages(text), ['golang:1.26']);
});
