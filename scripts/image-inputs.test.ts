import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { imageInputs } from './image-inputs.ts';

const image = { name: 's', dockerfile: 'services/s/Dockerfile', context: '.', workspace: 'services/s' };

function repository(): { root: string; write: (path: string, text: string) => void } {
  const root = mkdtempSync(join(tmpdir(), 'weft-images-'));
  const write = (path: string, text: string) => {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  cpSync(join(import.meta.dirname, '../.dockerignore'), join(root, '.dockerignore'));
  write('package.json', '{}');
  lock(write, { 'node_modules/pg': { version: '8.0.0' }, 'node_modules/dev': { version: '1.0.0' } });
  write(
    'services/s/Dockerfile',
    'FROM node:24-slim AS build\nCOPY package.json package-lock.json ./\nCOPY services/s/src services/s/src\nFROM node:24-slim\nCOPY --from=build /app /app\n',
  );
  write('services/s/src/main.ts', 'one');
  write('services/s/src/main.test.ts', 'one');
  return { root, write };
}

function lock(write: (path: string, text: string) => void, packages: object): void {
  const own = { name: '@x/s', version: '0.1.0', dependencies: { pg: '8' } };
  write('package-lock.json', JSON.stringify({ lockfileVersion: 3, packages: { 'services/s': own, ...packages } }));
}

test('the digest follows what is in the image, and nothing else', (t) => {
  const { root, write } = repository();
  t.teardown(() => rmSync(root, { recursive: true }));
  const digest = () => imageInputs(root, image).digest;
  const first = digest();
  t.regex(first, /^[0-9a-f]{12}$/);
  write('services/s/src/main.test.ts', 'two');
  write('services/s/README.md', 'two');
  write('package.json', '{"private":true}');
  lock(write, { 'node_modules/pg': { version: '8.0.0' }, 'node_modules/dev': { version: '2.0.0' } });
  t.is(digest(), first);
  write('services/s/src/main.ts', 'two');
  const second = digest();
  t.not(second, first);
  lock(write, { 'node_modules/pg': { version: '8.0.1' } });
  t.not(digest(), second);
});

test('a file that is to be copied and is not there is named', (t) => {
  const { root } = repository();
  t.teardown(() => rmSync(root, { recursive: true }));
  rmSync(join(root, 'services/s/src'), { recursive: true });
  t.throws(() => imageInputs(root, image), { message: /services\/s\/src is not there/ });
});
