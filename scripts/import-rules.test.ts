import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { brokenRules } from './check-imports.ts';
import { readSource, readSources, readWorkspaces, type Workspace } from './import-graph.ts';
import { exceptions, isContract, packages, pure, stages } from './import-rules.ts';

const root = join(import.meta.dirname, '..');
const workspaces = readWorkspaces(root);
const sources = readSources(root, workspaces);

test('every import follows the rules of the house', (t) => {
  t.true(sources.length > 500, 'all files are found');
  t.deepEqual(brokenRules(workspaces, sources), []);
});

test('the tables name what is there, and each exception is still needed', (t) => {
  t.deepEqual(
    Object.keys(packages).sort(),
    workspaces
      .filter(({ directory }) => !isContract(directory))
      .map(({ name }) => name)
      .sort(),
  );
  for (const [directory, table] of Object.entries(stages)) {
    const may = Object.values(table).flat();
    for (const name of new Set([...Object.keys(table), ...may])) {
      if (name !== '*' && name !== '(root)')
        t.true(existsSync(join(root, directory, 'src', name)), `${directory} ${name}`);
    }
  }
  for (const directory of Object.keys(pure)) t.true(existsSync(join(root, directory)), directory);
  const imports = new Set(
    sources.flatMap(({ path, imports }) => imports.map(({ specifier }) => `${path} ${specifier}`)),
  );
  for (const exception of Object.keys(exceptions)) t.true(imports.has(exception), exception);
});

const workspace = (directory: string, name: string, more: Partial<Workspace> = {}): Workspace => ({
  name,
  directory,
  exports: { '.': './src/index.ts', './*': './src/*.ts' },
  dependencies: [],
  devDependencies: [],
  peerDependencies: [],
  ...more,
});

/** What is wrong with one file of a small house. */
function broken(path: string, text: string, declared: readonly string[] = []): readonly string[] {
  const house = [
    ['packages/compiler', '@weft/compiler'],
    ['packages/api', '@weft/api'],
    ['contracts/orders', '@shop/orders-contract'],
    ['packages/collections', '@weft/collections'],
    ['packages/cli', '@weft/cli'],
    ['services/control-plane', '@weft/control-plane'],
    ['services/orders', '@shop/orders'],
  ].map(([directory = '', name = '']) =>
    workspace(directory, name, path.startsWith(`${directory}/`) ? { dependencies: declared } : {}),
  );
  return brokenRules(house, [readSource(path, text, house)]);
}

const compiler = 'packages/compiler/src';
const oneWay = 'data flows one way:';
const isPure = 'packages/compiler/src has no I/O, no clock and no process';

for (const [title, path, text, ...expected] of [
  [
    'a package that imports a service',
    'packages/cli/src/up.ts',
    "import type { Options } from '@weft/control-plane';",
    'packages/cli/src/up.ts:1 imports @weft/control-plane: a package never imports a service',
    'packages/cli/src/up.ts:1 imports @weft/control-plane: packages/cli/package.json does not declare it under dependencies',
  ],
  [
    'a service that imports another, in a test too',
    'services/orders/src/x.test.ts',
    "\nconst x = await import('@weft/control-plane');",
    'services/orders/src/x.test.ts:2 imports @weft/control-plane: a service never imports another service',
    'services/orders/src/x.test.ts:2 imports @weft/control-plane: services/orders/package.json does not declare it under devDependencies',
  ],
  [
    'a path out of the package',
    'packages/collections/src/x.ts',
    "export * from '../../compiler/src/compile.ts';",
    'packages/collections/src/x.ts:1 imports ../../compiler/src/compile.ts: what is outside a package is imported by the name of its package',
    'packages/collections/src/x.ts:1 imports ../../compiler/src/compile.ts: packages/collections/package.json does not declare it under dependencies',
  ],
  [
    'an import upwards',
    'packages/collections/src/x.ts',
    "import { compileFiles } from '@weft/compiler';",
    'packages/collections/src/x.ts:1 imports @weft/compiler: @weft/collections may import nothing (scripts/import-rules.ts, packages)',
    'packages/collections/src/x.ts:1 imports @weft/compiler: packages/collections/package.json does not declare it under dependencies',
  ],
  [
    'a model that knows Envoy',
    `${compiler}/model/mesh.ts`,
    "import type { Resource } from '../envoy/resource.ts';",
    `${compiler}/model/mesh.ts:1 imports ../envoy/resource.ts: ${oneWay} model may import nothing (scripts/import-rules.ts, stages)`,
  ],
  [
    'a front end that knows another',
    `${compiler}/mesh-policy/schemas.ts`,
    "import {\n  nameSchema,\n} from '../mesh-directory/manifest-schemas.ts';",
    `${compiler}/mesh-policy/schemas.ts:3 imports ../mesh-directory/manifest-schemas.ts: ${oneWay} mesh-policy may import facts, kinds, model (scripts/import-rules.ts, stages)`,
  ],
  [
    'a stage that nobody has placed',
    `${compiler}/news/x.ts`,
    "import '../model/mesh.ts';",
    `${compiler}/news/x.ts:1 imports ../model/mesh.ts: the stage news has no row in scripts/import-rules.ts`,
  ],
  [
    'code that imports what is for tests',
    `${compiler}/facts/x.ts`,
    "import '../testing/random-mesh.ts';",
    `${compiler}/facts/x.ts:1 imports ../testing/random-mesh.ts: what is for tests is imported by tests only`,
  ],
  [
    'I/O, clocks and the process in the compiler',
    `${compiler}/facts/x.ts`,
    `import { readFileSync } from 'node:fs';\nimport { connect, isIP } from 'node:net';\nconst now = Date.now();\n// Date.now()\nconst s = \`\${process.env.A} setTimeout(\`;`,
    `${compiler}/facts/x.ts:1 imports node:fs: ${isPure}`,
    `${compiler}/facts/x.ts:2 imports node:net: ${isPure}`,
    `${compiler}/facts/x.ts:3 uses Date.now: ${isPure}`,
    `${compiler}/facts/x.ts:5 uses process.: ${isPure}`,
  ],
  [
    'a package whose code imports a contract',
    'packages/cli/src/x.ts',
    "import { OrderService } from '@shop/orders-contract/v1';",
    'packages/cli/src/x.ts:1 imports @shop/orders-contract/v1: a package knows no contract, except its tests and fixtures',
    'packages/cli/src/x.ts:1 imports @shop/orders-contract/v1: packages/cli/package.json does not declare it under dependencies',
  ],
] as const) {
  test(`found: ${title}`, (t) => t.deepEqual(broken(path, text), expected));
}

test('a test may import every stage of its package, and hashing is pure', (t) => {
  t.deepEqual(broken(`${compiler}/model/mesh.test.ts`, "import '../envoy/names.ts';\nimport 'node:fs';"), []);
  t.deepEqual(broken(`${compiler}/contracts/hash.ts`, "import { createHash } from 'node:crypto';"), []);
});

test('what is declared is imported', (t) => {
  t.deepEqual(broken('packages/cli/src/x.test.ts', "import '@weft/api/weft/api';", ['@weft/api', '@weft/compiler']), [
    'packages/cli/package.json declares @weft/api: only its tests import it',
    'packages/cli/package.json declares @weft/compiler: it does not import it',
  ]);
});
