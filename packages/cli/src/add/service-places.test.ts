import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { CommandError } from '../command-error.ts';
import { projectAt } from '../project.ts';
import { serviceNames } from './service-names.ts';
import { newPlaces } from './service-places.ts';

for (const [name, schema] of [
  ['public', 'public'],
  ['pg-x', 'pg_x'],
  ['information-schema', 'information_schema'],
] as const) {
  test(`a service ${name} cannot own a schema, but may do without`, (t) => {
    const root = mkdtempSync(join(tmpdir(), 'places-'));
    t.teardown(() => rmSync(root, { recursive: true }));
    const project = projectAt(root);
    const names = serviceNames('bakery', name);
    t.throws(() => newPlaces(project, names, { database: true }), {
      instanceOf: CommandError,
      message: `PostgreSQL reserves the schema ${schema}; choose a name other than ${name}, or leave out --database.`,
    });
    t.is(newPlaces(project, names, { database: false }).folder, join(root, 'services', name));
  });
}
