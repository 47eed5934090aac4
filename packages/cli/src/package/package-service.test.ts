import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { parse } from 'yaml';
import { parseServiceManifest } from '../service-manifest.ts';
import { type PackagedService, packageService } from './package-service.ts';

const execute = promisify(execFile);

const files: Readonly<Record<string, string>> = {
  'package.json': '{"name":"bakery","private":true,"workspaces":["contracts/*","services/*"]}',
  'contracts/bread/package.json':
    '{"name":"@bakery/bread-contract","version":"1.0.0","exports":{"./v1":"./gen/v1.ts"}}',
  'contracts/bread/gen/v1.ts': 'export const loaf: string = "rye";',
  'contracts/oven/package.json': '{"name":"@bakery/oven-contract","version":"1.0.0"}',
  'services/cart/package.json': `{"name":"@bakery/cart","version":"0.2.0","type":"module","dependencies":{"@bakery/bread-contract":"^1.0.0"}}`,
  'services/cart/src/main.ts':
    "import { loaf } from '@bakery/bread-contract/v1';\nconsole.log(loaf satisfies string);\n",
  'services/cart/src/main.test.ts': 'test',
  'services/cart/tests/load.ts': 'test',
  'services/cart/migrations/0001.sql': 'select 1',
  'services/cart/.env': 'SECRET=1',
  'services/oven/oven.py': 'print()',
  'bakery.cart.binpb': 'contract',
};

let lock = '';

test.before(async () => {
  const root = mkdtempSync(join(tmpdir(), 'weft-lock-'));
  for (const [file, text] of Object.entries(files)) write(root, file, text);
  await execute('npm', ['install', '--package-lock-only', '--offline', '--no-audit', '--no-fund'], { cwd: root });
  lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  rmSync(root, { recursive: true });
});

/** A project with a lock file. */
function project(t: ExecutionContext, more: Readonly<Record<string, string>> = {}): string {
  const root = mkdtempSync(join(tmpdir(), 'weft-package-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  const all = { ...files, ...more, 'package-lock.json': lock };
  for (const [file, text] of Object.entries(all)) write(root, file, text);
  return root;
}

function write(root: string, file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}

interface Given {
  readonly service?: string;
  readonly manifest?: string;
  readonly context?: string;
  readonly builder?: string;
}

async function packaged(root: string, given: Given = {}): Promise<PackagedService & { said: string[]; out: string }> {
  const { service: name = 'cart', manifest = 'contract: bakery.cart\n', context, builder } = given;
  const defaults = { root, namespace: 'bakery', contractOf: () => undefined };
  const service = parseServiceManifest(manifest, join(root, 'services', name), defaults);
  if ('message' in service) throw new Error(service.message);
  const said: string[] = [];
  const out = join(root, 'dist', name);
  const result = await packageService({
    service,
    root,
    registry: 'docker.io/bakery',
    database: 'bakery',
    out,
    descriptorFile: join(root, 'bakery.cart.binpb'),
    noImage: builder === undefined,
    say: (line) => said.push(line),
    ...(context === undefined ? {} : { context: join(root, context) }),
    ...(builder === undefined ? {} : { builder }),
  });
  return { ...result, said, out };
}

test('a service of Node is laid out with what it needs, and runs from there', async (t) => {
  const root = project(t);
  const { image, out, build, source } = await packaged(root);
  const app = join(out, 'image/app');

  const { stdout } = await execute(process.execPath, ['src/main.ts'], { cwd: join(app, 'services/cart') });
  t.is(stdout, 'rye\n');
  t.true(existsSync(join(app, 'services/cart/migrations/0001.sql')));
  for (const left of [
    'services/cart/.env',
    'services/cart/tests',
    'services/cart/src/main.test.ts',
    'contracts/oven',
  ]) {
    t.false(existsSync(join(app, left)), left);
  }
  t.regex(image, /^docker\.io\/bakery\/cart:0\.2\.0-[0-9a-f]{12}$/);
  t.deepEqual(build, ['docker', 'build', '-t', image, '-f', join(out, 'image/Dockerfile'), join(out, 'image')]);
  t.regex(
    readFileSync(source.dockerfile, 'utf8'),
    /WORKDIR \/app\/services\/cart\n[\s\S]*CMD \["node","src\/main\.ts"\]/,
  );
  t.like(parse(readFileSync(join(out, 'values.yaml'), 'utf8')), {
    image: { registry: 'docker.io/bakery', name: 'cart', tag: image.split(':')[1] },
    contract: { name: 'bakery.cart', descriptor: Buffer.from('contract').toString('base64') },
  });
  t.is(readFileSync(join(out, 'bakery.cart.binpb'), 'utf8'), 'contract');
  t.true(existsSync(join(out, 'chart/Chart.yaml')));
  const names = JSON.parse(readFileSync(join(out, 'sbom.json'), 'utf8')).components.map(
    (one: { name: string }) => one.name,
  );
  t.deepEqual(names.sort(), ['@bakery/bread-contract', '@bakery/cart', 'node']);
});

test('an image keeps its tag until something in it changes', async (t) => {
  const root = project(t);
  const first = await packaged(root);
  t.is((await packaged(root)).image, first.image);
  write(root, 'services/cart/src/main.test.ts', 'another test');
  t.is((await packaged(root)).image, first.image);
  write(root, 'contracts/bread/gen/v1.ts', 'export const loaf: string = "wheat";');
  t.not((await packaged(root)).image, first.image);
});

const oven = { service: 'oven', manifest: 'contract: bakery.cart\ncommand: python3 oven.py\n' };

test('a Dockerfile of the service is built in its folder, and by what it copies it is tagged', async (t) => {
  const root = project(t, { 'services/oven/Dockerfile': 'FROM python:3\nCOPY *.py ./\nUSER nobody\n' });
  const first = await packaged(root, oven);
  const folder = join(root, 'services/oven');
  t.deepEqual(first.build?.slice(-3), ['-f', join(folder, 'Dockerfile'), folder]);
  t.like(parse(readFileSync(first.values, 'utf8')), { mesh: { kit: false }, image: { user: 10001 } });
  write(root, 'services/oven/README.md', 'not copied');
  t.is((await packaged(root, oven)).image, first.image);
  write(root, 'services/oven/oven.py', 'print(1)');
  t.not((await packaged(root, oven)).image, first.image);
});

test('the build context can be another one, and what is written there does not count', async (t) => {
  const root = project(t, { 'services/oven/Dockerfile': 'FROM python:3\nCOPY . .\nUSER 1000\n' });
  const first = await packaged(root, { ...oven, context: '.' });
  t.is(first.source.context, root);
  t.is((await packaged(root, { ...oven, context: '.' })).image, first.image);
});

test('a builder of its own is called with the image, the context and the Dockerfile', async (t) => {
  const root = project(t, { 'services/oven/Dockerfile': 'FROM python:3\nCOPY oven.py .\n' });
  write(root, 'builder', '#!/bin/sh\nprintf "%s\\n" "$@" > "$0.said"\n');
  chmodSync(join(root, 'builder'), 0o755);
  const { image, build } = await packaged(root, { ...oven, builder: `${root}/builder image` });
  t.is(build, undefined);
  const said = readFileSync(join(root, 'builder.said'), 'utf8').trim().split('\n');
  const folder = join(root, 'services/oven');
  t.deepEqual(said.slice(0, 5), ['image', image, folder, '-f', join(folder, 'Dockerfile')]);
});

const failures: readonly (readonly [
  what: string,
  given: Given,
  files: Readonly<Record<string, string>>,
  message: RegExp,
])[] = [
  [
    'a command without a Dockerfile',
    oven,
    {},
    /oven runs its own command and has no Dockerfile; write .*services\/oven\/Dockerfile/,
  ],
  [
    'a Dockerfile that copies what is not there',
    oven,
    { 'services/oven/Dockerfile': 'FROM x\nCOPY bread.py .\n' },
    /copies bread\.py, which is not in .*services\/oven; correct it, or name its build context with --context/,
  ],
  [
    'a context without a Dockerfile',
    { context: '.' },
    {},
    /services\/cart\/Dockerfile does not exist; create it, or leave out --context/,
  ],
  [
    'a builder that fails',
    { ...oven, builder: 'false' },
    { 'services/oven/Dockerfile': 'FROM x\n' },
    /The image docker\.io\/bakery\/oven:0\.0\.0-\w+ was not built: it exited with code 1/,
  ],
  [
    'a builder that is not there',
    { ...oven, builder: 'no-such-builder' },
    { 'services/oven/Dockerfile': 'FROM x\n' },
    /was not built: spawn no-such-builder ENOENT/,
  ],
];
for (const [what, given, more, message] of failures) {
  test(`${what} is told in one sentence`, async (t) => {
    const root = project(t, more);
    const error = await t.throwsAsync(packaged(root, given));
    t.regex(error?.message ?? '', message);
    t.false(error?.message.includes('\n'));
  });
}

test('a lock file that is stale is told with what npm says', async (t) => {
  const root = project(t);
  write(
    root,
    'services/cart/package.json',
    '{"name":"@bakery/cart","version":"0.2.0","dependencies":{"left-pad":"1.3.0"}}',
  );
  const error = await t.throwsAsync(packaged(root));
  t.regex(
    error?.message ?? '',
    /^npm could not install the packages of services\/cart .*package-lock\.json.*: it exited with code 1 \(.*in sync/,
  );
});
