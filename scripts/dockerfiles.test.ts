import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import test from 'ava';

const root = join(import.meta.dirname, '..');

test("the services' Dockerfiles differ in the service's name, its contracts and its description only", (t) => {
  const files = globSync('services/*/Dockerfile', { cwd: root }).filter((file) => !file.includes('control-plane'));
  t.true(files.length > 1);
  const texts = files.map((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    t.regex(text, /image\.description="[^"]+"/, file);
    return text
      .replaceAll(basename(dirname(file)), 'NAME')
      .replace(/(image\.description=)"[^"]+"/, '$1""')
      .replace(/^COPY contracts\/.*\n/gm, '');
  });
  for (const [index, text] of texts.entries()) t.is(text, texts[0] ?? '', files[index] ?? '');
});
