import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { CommandError } from './command-error.ts';
import { findProject, projectAt } from './project.ts';

function folder(name: string): { root: string; write: (path: string, text: string) => void; remove: () => void } {
  const above = realpathSync(mkdtempSync(join(tmpdir(), 'project-')));
  const root = join(above, name);
  mkdirSync(root);
  return {
    root,
    write: (path, text) => {
      mkdirSync(join(root, path, '..'), { recursive: true });
      writeFileSync(join(root, path), text);
    },
    remove: () => rmSync(above, { recursive: true }),
  };
}

test('a project is the nearest folder upwards with a project file, else with proto/ and services/', (t) => {
  const { root, write, remove } = folder('My Bakery 2');
  t.teardown(remove);
  write('proto/a.proto', '');
  write('services/bread/src/main.ts', '');
  write('inner/proto/a.proto', '');
  write('inner/services/a/b', '');
  const below = join(root, 'services/bread/src');
  t.like(findProject(below), {
    root,
    name: 'my-bakery-2',
    namespace: 'my-bakery-2',
    contractsDirs: [join(root, 'proto')],
    servicesDirs: [join(root, 'services')],
    generatedDir: join(root, 'contracts'),
    stateDir: join(root, '.weft'),
    uses: [],
    elsewhere: [],
  });
  t.is(findProject(join(root, 'inner/services')).root, join(root, 'inner'));
  write('weft.project.yaml', '');
  t.is(findProject(below).root, root);
  t.is(findProject(join(root, 'inner/services')).root, root, 'a project file counts first');
  t.throws(() => findProject(tmpdir()), {
    instanceOf: CommandError,
    message: /^There is no Weft project in .* or above it; change/,
  });
});

test('a project file names folders, and services of elsewhere', (t) => {
  const { root, write, remove } = folder('x');
  t.teardown(remove);
  write(
    'weft.project.yaml',
    `name: bakery
namespace: inn
contracts: [api, more/api]
services: apps
generated: gen/contracts
state: .state
uses:
  - folder: ../bank
    services: [payments]
  - package: "@bank/payments"
  - fake: "@bank/payments-contract"
    answers: fakes/payments.yaml
elsewhere: [bakery.orders]
`,
  );
  t.deepEqual(projectAt(root), {
    root,
    name: 'bakery',
    namespace: 'inn',
    contractsDirs: [join(root, 'api'), join(root, 'more/api')],
    servicesDirs: [join(root, 'apps')],
    generatedDir: join(root, 'gen/contracts'),
    stateDir: join(root, '.state'),
    uses: [
      { folder: '../bank', services: ['payments'] },
      { package: '@bank/payments' },
      { fake: '@bank/payments-contract', answers: 'fakes/payments.yaml' },
    ],
    elsewhere: ['bakery.orders'],
  });
});

for (const [title, text, said] of [
  [
    'an unknown field',
    'nam: bakery',
    '"nam" is not a field of a project file; expected: name, namespace, contracts, services, generated, state, uses, elsewhere',
  ],
  [
    'a name that is none',
    'name: My Bakery',
    'name: must be 1 to 40 characters of a-z, 0-9 and -, beginning with a letter',
  ],
  [
    'a name that is a number',
    'name: 1',
    'name: must be text: 1 to 40 characters of a-z, 0-9 and -, beginning with a letter',
  ],
  [
    'an absolute folder',
    'generated: /x',
    'generated: must be a path relative to the project file, for example "proto"',
  ],
  ['no logical name', 'elsewhere: [orders]', 'elsewhere.0: must be a logical name, such as bakery.orders'],
  ['no folder', 'contracts: []', 'contracts: must name at least one folder'],
  ['no map', '- a', 'must be a map of fields'],
  [
    'an unknown use',
    'uses: [{folder: a}, {fold: b}]',
    'uses.1: must be {folder, services}, {package} or {fake, answers | handlers}',
  ],
  ['a reserved name', 'name: google', 'name: google is reserved; choose another, for example my-google'],
  [
    'a folder around the project',
    'contracts: ../../..',
    'contracts: ../../.. contains the whole project; name a folder',
  ],
  ['the parent in a list', 'services: [a, b/../../]', 'services.1: b/../../ contains the whole project'],
  ['contracts to be overwritten', 'generated: ./proto', 'generated: ./proto would contain proto, and Weft'],
  ['a state that is the project', 'state: .', 'state: . would contain proto, and Weft writes and removes files there'],
  ['no YAML', 'name: [', 'not YAML: '],
  ['two documents', 'name: a\n---\nname: b\n', 'has 2 YAML documents; keep one'],
  ['a file that would take minutes to parse', '#'.repeat(70_000), 'has 70000 characters, and Weft reads at most 65536'],
] as const) {
  test(`${title} is named with the file and the field`, (t) => {
    const { root, write, remove } = folder('x');
    t.teardown(remove);
    write('weft.project.yaml', text);
    const error = t.throws(() => projectAt(root), { instanceOf: CommandError });
    const expected = `${join(root, 'weft.project.yaml')}: ${said}`;
    t.is(error?.message.slice(0, expected.length), expected);
  });
}
