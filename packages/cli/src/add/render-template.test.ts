import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import { renderTemplate, renderText } from './render-template.ts';

const values = { words: { service: 'cart', Service: 'Cart' }, flags: { database: true, calls: false } };

test('words are replaced, and sections stay where their flag says so', (t) => {
  t.is(renderText('class __Service__ is __service__-1\n', values), 'class Cart is cart-1\n');
  t.is(renderText('{{#calls}}a, {{/calls}}{{#database}}b, {{/database}}c', values), 'b, c');
  t.is(renderText('{{^calls}}none{{/calls}}{{^database}}no{{/database}}', values), 'none');
});

test('a tag alone on its line leaves no line', (t) => {
  t.is(renderText('a\n  {{#database}}\nb\n  {{/database}}\n{{#calls}}\nc\n{{/calls}}\nd\n', values), 'a\nb\nd\n');
});

test('a section may hold a section of another flag', (t) => {
  t.is(renderText('{{#database}}(db{{#calls}}, callees{{/calls}}){{/database}}', values), '(db)');
  const both = { ...values, flags: { database: true, calls: true } };
  t.is(renderText('{{#database}}(db{{#calls}}, callees{{/calls}}){{/database}}', both), '(db, callees)');
  t.is(renderText('{{^calls}}{{#database}}x{{/database}}{{/calls}}', values), 'x');
});

test('a word that nobody knows is an error, not a text', (t) => {
  t.throws(() => renderText('__unknown__', values), { message: /__unknown__/ });
  // Unless it is in what is left out.
  t.is(renderText('{{#calls}}__unknown__{{/calls}}', values), '');
});

test('files have the names and folders that the values say', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'template-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  for (const path of ['dot-gitignore', 'src/__service__.ts', 'if-database/migrations/0001.sql', 'if-calls/src/c.ts']) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), '__service__');
  }
  const files = await renderTemplate(folder, values);
  t.deepEqual([...files.keys()].sort(), ['.gitignore', 'migrations/0001.sql', 'src/cart.ts']);
  t.deepEqual(new Set(files.values()), new Set(['cart']));
});
