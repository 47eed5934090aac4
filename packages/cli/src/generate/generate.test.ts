import { rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { projectAt } from '../project.ts';
import { ForeignProject, proto } from './foreign-project.fixture.ts';
import { generate } from './generate.ts';
import { problemLine } from './proto-problem.ts';

// One project that all tests go on with, each from where the one before it has left it.
const bakery = new ForeignProject('bakery');
test.after.always(() => bakery.remove());

const generated = () => generate(projectAt(bakery.root), () => {});

test.serial('a project without a project file gets a package for each contract', async (t) => {
  bakery.write(
    'proto/bakery/money/v1/money.proto',
    'syntax = "proto3";\npackage bakery.money.v1;\nmessage Money { int64 units = 1; }\n',
  );
  bakery.write(
    'proto/bakery/bread/v1/bread.proto',
    proto('bread', {
      callers: ['bakery.cake'],
      imports: ['bakery/money/v1/money.proto', 'google/api/annotations.proto'],
      more: 'message Price { bakery.money.v1.Money money = 1; }\n',
    }),
  );
  bakery.write('proto/bakery/cake/v1/cake.proto', proto('cake', { callers: ['elsewhere.tea'] }));
  bakery.write('proto/bakery/cake/v1/more.proto', 'syntax = "proto3";\npackage bakery.cake.v1;\nmessage Icing {}\n');
  bakery.write('services/bread/src/main.ts', '');

  const { code, stdout, stderr } = await bakery.weft(['generate'], 'services/bread/src');
  t.is(stderr, '');
  t.is(code, 0);
  t.is(
    stdout,
    ['bread', 'cake', 'money'].map((name) => `generated bakery.${name}: @bakery/${name}-contract\n`).join(''),
  );
  t.like(JSON.parse(bakery.read('contracts/bread/package.json')), {
    name: '@bakery/bread-contract',
    version: '0.1.0',
    dependencies: { '@bakery/money-contract': '^0.1.0', '@weft/policy': '^0.1.0' },
    weft: { contract: 'bakery.bread' },
  });
  t.deepEqual(JSON.parse(bakery.read('contracts/money/package.json')).dependencies, {});
});

test.serial('the code runs, and one contract imports the other by name', async (t) => {
  for (const name of ['bread', 'cake', 'money']) {
    bakery.install(`@bakery/${name}-contract`, join(bakery.root, 'contracts', name));
  }
  bakery.write(
    'services/bread/src/main.ts',
    `import { create } from '@bufbuild/protobuf';
import { BreadService, PriceSchema } from '@bakery/bread-contract/v1';
import { CakeService, IcingSchema } from '@bakery/cake-contract/v1';
const price = create(PriceSchema, { money: { units: 3n } });
console.log(BreadService.typeName, CakeService.typeName, IcingSchema.typeName, price.money?.units);
`,
  );
  const ran = await bakery.run(process.execPath, ['services/bread/src/main.ts']);
  t.is(ran.stderr, '');
  t.is(ran.stdout, 'bakery.bread.v1.BreadService bakery.cake.v1.CakeService bakery.cake.v1.Icing 3n\n');
});

test.serial('a second run does nothing, quickly', async (t) => {
  t.is((await bakery.weft(['generate'])).stdout, 'Everything is up to date.\n');
  t.is((await bakery.weft(['generate', '--check'])).code, 0);
  const began = process.cpuUsage();
  t.deepEqual((await generated()).changed, []);
  // Not by the clock: the machine may be busy.
  const { user, system } = process.cpuUsage(began);
  t.true(user + system < 150_000, `${(user + system) / 1_000} ms of CPU time`);
});

test.serial('what changes is made anew, and nothing else; what people write stays', async (t) => {
  const manifest = JSON.parse(bakery.read('contracts/cake/package.json'));
  const edited = {
    ...manifest,
    version: '1.2.0',
    author: 'me',
    exports: {},
    dependencies: { ...manifest.dependencies, x: '1' },
  };
  bakery.write('contracts/cake/package.json', JSON.stringify(edited));
  bakery.write(
    'proto/bakery/money/v1/money.proto',
    `${bakery.read('proto/bakery/money/v1/money.proto')}message Coin {}\n`,
  );
  const check = await bakery.weft(['generate', '--check']);
  t.is(check.code, 1);
  t.is(check.stdout.split('\n')[0], 'stale: bakery.bread: @bakery/bread-contract');
  t.is(check.stderr, 'weft: The generated files are out of date; run `weft generate`.\n');
  t.false(bakery.read('contracts/money/gen/v1.ts').includes('Coin'));

  // Its descriptor set has the files that it imports.
  t.deepEqual((await generated()).changed, ['bakery.bread', 'bakery.cake', 'bakery.money']);
  t.true(bakery.read('contracts/money/gen/bakery/money/v1/money_pb.ts').includes('CoinSchema'));
  t.like(JSON.parse(bakery.read('contracts/cake/package.json')), {
    version: '1.2.0',
    author: 'me',
    exports: manifest.exports,
    dependencies: { x: '1' },
  });
  bakery.write('contracts/bread/gen/v1.ts', 'spoiled');
  bakery.write('contracts/bread/gen/old.ts', '');
  t.deepEqual((await generated()).changed, ['bakery.bread']);
  t.true(bakery.read('contracts/bread/gen/v1.ts').includes('bread_pb.ts'));
  t.false(bakery.has('contracts/bread/gen/old.ts'));
});

const cake = 'proto/bakery/cake/v1/cake.proto';
for (const [title, path, text, sentence] of [
  [
    'a syntax error',
    cake,
    proto('cake').replace('message', 'mesage'),
    /^proto\/bakery\/cake\/v1\/cake\.proto:8: unexpected message field at file scope/m,
  ],
  [
    'an unknown type',
    cake,
    proto('cake').replace('string id', 'Nothing id'),
    /^proto\/bakery\/cake\/v1\/cake\.proto:8: .*Nothing/m,
  ],
  [
    'a misspelt field of an option',
    cake,
    proto('cake', { callers: ['bakery.bread'] }).replace('callers', 'caller'),
    /^proto\/bakery\/cake\/v1\/cake\.proto:5: weft\.policy\.v1\.ServicePolicy has no field caller\. Did you mean callers\? The fields are callers, /m,
  ],
  [
    'a missing import',
    cake,
    proto('cake', { imports: ['bakery/none.proto'] }),
    /^proto\/bakery\/cake\/v1\/cake\.proto:4: .*none\.proto/m,
  ],
  [
    'no package',
    cake,
    'syntax = "proto3";\n',
    /^proto\/bakery\/cake\/v1\/cake\.proto: declares no package; expected: package bakery\.cake\.v1;$/m,
  ],
  [
    'two contracts with one folder',
    'proto/cake/v1/cake.proto',
    'syntax = "proto3";\npackage cake.v1;\nmessage A {}\n',
    /cake\.proto: (bakery\.)?cake and (bakery\.)?cake would both become @bakery\/cake-contract; rename one$/m,
  ],
] as const) {
  test.serial(`${title} is named with its line, and the last good output stays`, async (t) => {
    const before = bakery.has(path) ? bakery.read(path) : 'syntax = "proto3";\npackage bakery.cake.v1;\n';
    const code = bakery.read('contracts/cake/gen/bakery/cake/v1/cake_pb.ts');
    bakery.write(path, text);
    bakery.write(
      'proto/bakery/money/v1/money.proto',
      `${bakery.read('proto/bakery/money/v1/money.proto')}// ${title}\n`,
    );
    const { problems, changed, contracts } = await generated();
    bakery.write(path, before);
    t.regex(problems.map((problem) => problemLine(problem, bakery.root)).join('\n'), sentence);
    t.deepEqual(changed, []);
    t.is(contracts.length, 3);
    t.is(bakery.read('contracts/cake/gen/bakery/cake/v1/cake_pb.ts'), code);
    t.deepEqual((await generated()).problems, []);
  });
}

test.serial('the command says what is broken and ends with 1', async (t) => {
  const before = bakery.read(cake);
  bakery.write(cake, 'syntax = "proto3";\npackage bakery.cake.v1;\nmesage A {}\n');
  const { code, stdout, stderr } = await bakery.weft(['generate']);
  bakery.write(cake, before);
  t.is(code, 1);
  t.is(stdout, '');
  t.regex(
    stderr,
    /^proto\/bakery\/cake\/v1\/cake\.proto:3: .*\nweft: The contracts do not compile, so the previous output was kept/s,
  );
});

test.serial('a caller of the project must exist, one of elsewhere need not', async (t) => {
  const before = bakery.read(cake);
  bakery.write(cake, proto('cake', { callers: ['bakery.bred', 'elsewhere.tea'] }));
  const { code, stderr } = await bakery.weft(['generate']);
  t.is(code, 1);
  t.regex(stderr, /^proto\/bakery\/cake\/v1\/cake\.proto:5: .*callers names bakery\.bred, which no contract has/);
  t.notRegex(stderr, /tea/);
  t.is((await generated()).findings.length, 1, 'it is remembered');
  const lint = await bakery.weft(['lint']);
  t.is(lint.code, 1);
  t.regex(
    lint.stdout,
    /^proto\/bakery\/cake\/v1\/cake\.proto:5 .*bakery\.bred.*; expected: bakery\.bread, bakery\.cake, edge$/m,
  );
  bakery.write(cake, proto('cake', { callers: ['bakery.bred'] }).replace('callers', '\ncallers'));
  t.regex((await bakery.weft(['lint'])).stdout, /cake\.proto:6 .*bakery\.bred/, 'the line of the option');
  bakery.write(cake, before);
  t.deepEqual((await generated()).findings, []);
  t.is((await bakery.weft(['lint', '--mesh'])).stdout, 'No problems found in the contracts.\n');
});

test.serial('weft diff, weft compile and the plugin of buf work here, too', async (t) => {
  const git = (...args: string[]) =>
    bakery.run('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args]);
  await git('init', '--quiet', '--initial-branch=main');
  await git('add', 'proto');
  await git('commit', '--quiet', '--message', 'Begin');
  bakery.write(cake, proto('cake', { callers: ['elsewhere.tea', 'bakery.bread'] }));
  const diff = await bakery.weft(['diff', 'main', '.'], 'services/bread');
  t.is(diff.stderr, '');
  t.regex(diff.stdout, /^bakery\.bread -> bakery\.cake\.v1\.CakeService\/GetCake\n.*allowed/);

  bakery.write('mesh/mesh.yaml', 'kind: MeshConfig\n');
  const compiled = await bakery.weft(['compile', '--mesh', 'mesh', '--json']);
  t.true('proxies' in JSON.parse(compiled.stdout), compiled.stderr);

  bakery.install('.bin/buf-plugin-weft', join(bakery.root, 'node_modules/@weft/cli/bin/buf-plugin-weft.js'));
  bakery.write(
    'buf.yaml',
    JSON.stringify({
      version: 'v2',
      modules: [{ path: 'proto' }, { path: 'node_modules/@weft/policy/proto' }],
      lint: { use: ['WEFT'], ignore: ['node_modules'] },
      plugins: [{ plugin: 'buf-plugin-weft', options: { closed: true } }],
    }),
  );
  const lint = await bakery.run('buf', ['lint']);
  t.is(lint.stderr, '');
  t.regex(
    lint.stdout,
    /^proto\/bakery\/cake\/v1\/cake\.proto:4:\d+:callers names elsewhere\.tea, which no contract has/m,
  );
  t.is((await generated()).problems.length, 0);
});

test.serial('a contract without .proto files loses its code, and keeps what people wrote', async (t) => {
  bakery.write('proto/bakery/tea/v1/tea.proto', proto('tea'));
  t.deepEqual((await generated()).changed, ['bakery.tea']);
  rmSync(join(bakery.root, 'proto/bakery/tea'), { recursive: true });
  const { changed, contracts } = await generated();
  t.deepEqual(changed, ['bakery.tea']);
  t.false(contracts.some(({ logicalName }) => logicalName === 'bakery.tea'));
  t.false(bakery.has('contracts/tea/gen'));
  t.true(bakery.has('contracts/tea/package.json'));
});

test.serial('the folders are those of the project file', async (t) => {
  const inn = new ForeignProject('My Inn!');
  t.teardown(() => inn.remove());
  inn.write('weft.project.yaml', 'name: the-inn\ncontracts: [api, more/api]\ngenerated: packages\nstate: .state\n');
  inn.write('api/the_inn/rooms/v1/rooms.proto', 'syntax = "proto3";\npackage the_inn.rooms.v1;\nmessage Room {}\n');
  inn.write('more/api/inn.proto', 'syntax = "proto3";\npackage inn;\nmessage Inn {}\n');
  // Copies of what is installed are nobody's contract, others of that kind come along with who imports them.
  inn.write('api/google/api/http.proto', 'broken');
  inn.write('api/google/type/day.proto', 'syntax = "proto3";\npackage google.type;\nmessage Day {}\n');
  inn.write(
    'api/the_inn/keys/v1/keys.proto',
    'syntax = "proto3";\npackage the_inn.keys.v1;\nimport "google/type/day.proto";\nmessage Key { google.type.Day day = 1; }\n',
  );
  const { stderr, stdout } = await inn.weft(['generate'], 'more');
  t.is(stderr, '');
  t.is(
    stdout,
    'generated inn: @the-inn/inn-contract\ngenerated the_inn.keys: @the-inn/keys-contract\ngenerated the_inn.rooms: @the-inn/rooms-contract\n',
  );
  t.true(inn.has('packages/keys/gen/google/type/day_pb.ts'));
  t.true(inn.has('packages/rooms/descriptor.binpb'));
  t.deepEqual(Object.keys(JSON.parse(inn.read('packages/inn/package.json')).exports)[0], '.');
  t.true(inn.has('.state/generated.json'));
  t.true(projectAt(inn.root).namespace === 'the-inn');
});
