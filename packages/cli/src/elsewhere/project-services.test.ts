import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { descriptorSet } from '@weft/test-contracts';
import test, { type ExecutionContext } from 'ava';
import { projectAt } from '../project.ts';
import { projectServices, usedProjects } from './project-services.ts';

const contractName = '@bakery/payments-contract';

/** An installed contract package. */
const contract = (folder: string): Record<string, string | Uint8Array> => ({
  [`${folder}/package.json`]: JSON.stringify({ name: contractName, weft: { contract: 'bakery.payments' } }),
  [`${folder}/descriptor.binpb`]: descriptorSet('bakery.payments'),
});

/** The services and problems of the project in `shelf`, beside which other files are. */
function read(t: ExecutionContext, uses: string, files: Readonly<Record<string, string | Uint8Array>>) {
  const directory = mkdtempSync(join(tmpdir(), 'uses-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const all = {
    'shelf/weft.project.yaml': `name: shelf\nuses:\n${uses}`,
    'shelf/services/own/weft.yaml': '',
    ...files,
  };
  for (const [path, content] of Object.entries(all)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
  const project = projectAt(join(directory, 'shelf'));
  const { services, problems } = projectServices(project);
  return { directory, project, services, problems: problems.map(({ file, message }) => `${file}: ${message}`) };
}

test('services of another checkout keep their namespace, contract and programs; one may be chosen', (t) => {
  const files = {
    ...contract('bank/contracts/payments'),
    'bank/weft.project.yaml': 'name: bakery\nnamespace: bank\n',
    'bank/services/payments/weft.yaml': 'env: {A: "1"}\n',
    'bank/services/ledger/weft.yaml': '',
  };
  const { directory, project, services, problems } = read(t, '  - {folder: ../bank, services: [payments]}\n', files);
  t.deepEqual(problems, []);
  const [own, payments, more] = services;
  t.deepEqual([own?.name, payments?.name, more], ['own', 'payments', undefined]);
  t.like(payments, {
    namespace: 'bank',
    contract: 'bakery.payments',
    directory: join(directory, 'bank/services/payments'),
    file: '../bank/services/payments/weft.yaml',
    elsewhere: {
      what: 'from ../bank',
      descriptorFile: join(directory, 'bank/contracts/payments/descriptor.binpb'),
    },
  });
  t.true(payments?.env.PATH?.startsWith(join(directory, 'bank/node_modules/.bin')));
  t.is(payments?.env.A, '1');
  t.deepEqual(
    usedProjects(project).map(({ root }) => root),
    [join(directory, 'bank')],
  );
});

test('a path is not the name of a package', (t) => {
  const uses = '  - package: "../../etc"\n  - package: "@bank/.."\n  - fake: /etc\n';
  const expected = (name: string) =>
    `"${name}" is not the name of an npm package; expected a name such as "@bank/payments`;
  const { problems } = read(t, uses, {});
  for (const [index, name] of ['../../etc', '@bank/..', '/etc'].entries()) {
    t.true(problems[index]?.startsWith(`weft.project.yaml: uses.${index}: ${expected(name)}`), problems[index]);
  }
});

test('an installed package carries a service, with the contract among its dependencies', (t) => {
  const files = {
    ...contract(`shelf/services/own/node_modules/${contractName}`),
    'shelf/services/own/package.json': '{}',
    'shelf/services/own/node_modules/@bakery/payments/package.json': JSON.stringify({
      dependencies: { [contractName]: '1.0.0' },
    }),
    'shelf/services/own/node_modules/@bakery/payments/weft.yaml': 'main: main.js\n',
  };
  const { services, problems } = read(t, '  - package: "@bakery/payments"\n', files);
  t.deepEqual(problems, []);
  t.like(services[1], { name: 'payments', namespace: 'bakery', contract: 'bakery.payments', main: 'main.js' });
  t.is(services[1]?.elsewhere?.what, 'the package @bakery/payments');
  t.regex(services[1]?.elsewhere?.descriptorFile ?? '', /payments-contract\/descriptor\.binpb$/);
});

test('a fake goes by its contract', (t) => {
  const { services, problems, directory } = read(t, `  - {fake: "${contractName}", answers: fakes/payments.yaml}\n`, {
    ...contract(`shelf/node_modules/${contractName}`),
    'shelf/fakes/payments.yaml': '',
  });
  t.deepEqual(problems, []);
  t.like(services[1], {
    name: 'payments',
    namespace: 'bakery',
    contract: 'bakery.payments',
    watch: ['fakes/payments.yaml'],
    directory: join(directory, 'shelf'),
  });
});

const fake = { ...contract(`shelf/node_modules/${contractName}`), 'shelf/a.yaml': '' };
for (const [what, uses, message, files] of [
  ['a missing folder', 'folder: ../bank', /^folder \.\.\/bank does not exist; check the project out/, {}],
  [
    'a folder without a project',
    'folder: ../bank',
    /^\.\.\/bank is not a Weft project: it has no weft\./,
    { 'bank/a': '' },
  ],
  [
    'a broken project',
    'folder: ../bank',
    /bank\/weft\.project\.yaml: "x" is not a field/,
    { 'bank/weft.project.yaml': 'x: 1' },
  ],
  [
    'an unknown service',
    '{folder: ../bank, services: [payment]}',
    /^\.\.\/bank has no service payment that can run\. .*payments.* It has payments/,
    { 'bank/weft.project.yaml': '', 'bank/services/payments/weft.yaml': '' },
  ],
  [
    'a service of a name that is taken',
    'folder: ../bank',
    /^from \.\.\/bank: name: own is taken by services\/own\/weft\.yaml/,
    { 'bank/weft.project.yaml': '', 'bank/services/own/weft.yaml': '' },
  ],
  ['a package that is not installed', 'package: nothing', /^nothing is not installed; run `npm install nothing`/, {}],
  [
    'a package without a service',
    'package: empty',
    /^empty contains no service: it has no weft\.yaml/,
    { 'shelf/node_modules/empty/package.json': '{}' },
  ],
  [
    'a package in TypeScript',
    'package: typed',
    /^typed: main in its weft\.yaml is src\/main\.ts, and Node runs no TypeScript below node_modules/,
    { 'shelf/node_modules/typed/package.json': '{}', 'shelf/node_modules/typed/weft.yaml': '' },
  ],
  [
    'a package without its contract',
    'package: bare',
    /^bare: none of its dependencies is the contract package of bank\.bare/,
    {
      'shelf/node_modules/bare/package.json': '{}',
      'shelf/node_modules/bare/weft.yaml': 'main: a.js\ncontract: bank.bare\n',
    },
  ],
  ['a fake that is not installed', 'fake: nothing', /^nothing is not installed; run `npm install nothing`/, {}],
  [
    'a fake of no contract',
    'fake: empty',
    /^empty is not a contract package: /,
    { 'shelf/node_modules/empty/package.json': '{}' },
  ],
  ['a fake without its file', `{fake: "${contractName}", answers: b.yaml}`, /^b\.yaml does not exist; create it/, fake],
  [
    'a fake with answers and handlers',
    `{fake: "${contractName}", answers: a.yaml, handlers: a.yaml}`,
    /^a fake has either answers or handlers; remove one/,
    fake,
  ],
] as const) {
  test(`${what} is one sentence, and the own services stay`, (t) => {
    const { services, problems } = read(t, `  - ${uses}\n`, files);
    t.deepEqual(
      services.map(({ name }) => name),
      ['own'],
    );
    t.is(problems.length, 1);
    t.regex(problems[0]?.replace(/^weft\.project\.yaml: uses\.0: /, '') ?? '', message);
  });
}
