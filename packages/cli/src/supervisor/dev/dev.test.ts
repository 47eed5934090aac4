import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { writeFileAtomically } from '../../atomic-file.ts';
import { Dev } from './dev.ts';

test('a project file that has changed is told, and no more once it is as the mesh was started with', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'weft-dev-'));
  const stop = new AbortController();
  t.teardown(() => {
    stop.abort();
    rmSync(root, { recursive: true });
  });
  const file = join(root, 'weft.project.yaml');
  writeFileSync(file, 'name: bakery\n');
  const said: string[] = [];
  const notes = new Map<string, string>();
  let taken = () => {};
  const dev = new Dev({
    projects: [
      {
        name: 'bakery',
        root,
        contractsDirs: [],
        servicesDirs: [],
        contracts: { update: () => Promise.reject(new Error('no contract has changed')) },
      },
    ],
    mesh: {
      services: [],
      put: () => Promise.reject(new Error('no service has changed')),
      note: (subject, message) => {
        if (message === undefined) notes.delete(subject);
        else notes.set(subject, message);
      },
      remove: async () => {},
    },
    up: Promise.resolve(),
    // What an edit asks for last.
    readServices: () => {
      taken();
      return { services: [], problems: [] };
    },
    say: (text) => said.push(text),
  });
  await dev.start(stop.signal);
  const save = async (content: string) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    taken = resolve;
    // At once: half of a save would be an edit, too.
    writeFileAtomically(file, content, 0o600);
    await promise;
  };
  await save('name: pastry\n');
  t.deepEqual(said, ['weft.project.yaml has changed; start `weft dev` again to apply it']);
  t.deepEqual([...notes], [['weft.project.yaml', 'it has changed; start `weft dev` again to apply it']]);
  await save('name: bakery\n');
  t.is(said.length, 1);
  t.deepEqual([...notes], []);
});
