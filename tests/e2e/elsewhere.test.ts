import { execFile } from 'node:child_process';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { stateDirectory } from '../../packages/cli/src/state-directory.ts';
import { probeCall } from '../../packages/cli/src/supervisor/probe-call.ts';
import { SupervisorClient } from '../../packages/cli/src/supervisor/supervisor-client.ts';
import { startDev } from '../dev-session.ts';
import { DocumentedPage } from '../documented-page.ts';
import { makeProject, type TestProject } from '../project.ts';
import { waitFor } from '../wait-for.ts';

const execute = promisify(execFile);
const weftBin = join(import.meta.dirname, '../../packages/cli/bin/weft.js');
const contract = '@bakery/payments-contract';

const paymentsProto = `
  syntax = "proto3";
  package bakery.payments.v1;
  import "buf/validate/validate.proto";
  import "weft/policy/v1/policy.proto";
  service PaymentService {
    option (weft.policy.v1.service) = {callers: ["bakery.orders"], defaults: {deadline: {seconds: 1}}};
    rpc Charge(ChargeRequest) returns (ChargeResponse);
  }
  message ChargeRequest {
    string account = 1 [(buf.validate.field).string.pattern = "^A-[0-9]$"];
    int32 cents = 2;
  }
  message ChargeResponse { Receipt receipt = 1; }
  message Receipt { string text = 1; }
`;

const service = (name: string) =>
  JSON.stringify({ name: `@bakery/${name}`, version: '0.1.0', type: 'module', dependencies: { [contract]: '^0.1.0' } });

/** orders calls payments, which admits nobody else; stranger is a process without a contract. */
const files = {
  'package.json': '{"name": "bakery", "private": true, "type": "module"}',
  'weft.project.yaml': 'name: bakery\n',
  'proto/bakery/orders/v1/orders.proto': `
    syntax = "proto3";
    package bakery.orders.v1;
    import "bakery/payments/v1/payments.proto";
    import "weft/policy/v1/policy.proto";
    service OrderService {
      option (weft.policy.v1.service) = {exposure: EXPOSURE_EDGE, defaults: {deadline: {seconds: 5}}};
      rpc Place(PlaceRequest) returns (PlaceResponse);
    }
    message PlaceRequest { string account = 1; int32 cents = 2; }
    message PlaceResponse { bakery.payments.v1.Receipt receipt = 1; }
  `,
  'proto/bakery/payments/v1/payments.proto': paymentsProto,
  'services/orders/package.json': service('orders'),
  'services/orders/weft.yaml': '',
  'services/orders/src/main.ts': `
    import { client, implement, serve } from '@weft/service-kit';
    import { OrderService } from '@bakery/orders-contract/v1';
    import { PaymentService } from '@bakery/payments-contract/v1';
    const payments = client(PaymentService);
    await serve({ services: [implement(OrderService, {
      place: ({ account, cents }, call) =>
        payments.charge({ account, cents }, call).catch((error) => ({ receipt: { text: 'refused: ' + error.message } })),
    })] });
  `,
  'services/payments/package.json': service('payments'),
  'services/payments/weft.yaml': '',
  'services/payments/src/main.ts': `
    import { implement, serve } from '@weft/service-kit';
    import { PaymentService } from '@bakery/payments-contract/v1';
    await serve({ services: [implement(PaymentService, {
      charge: ({ account, cents }) => ({ receipt: { text: account + ' paid ' + cents } }),
    })] });
  `,
  'services/stranger/weft.yaml': 'command: [node, idle.cjs]\nhealth: none\n',
  'node_modules/@bank/ledger/package.json': '{"name": "@bank/ledger", "version": "1.0.0", "type": "module"}',
  'node_modules/@bank/ledger/weft.yaml': 'main: main.js\n',
  'node_modules/@bank/ledger/main.js': `
    import { serve } from '@weft/service-kit';
    await serve({ services: [] });
  `,
  'services/stranger/idle.cjs': 'setInterval(() => {}, 1000);\n',
};

let first: TestProject;
let second: TestProject;

test.before('the service and its contract move into a repository of their own', async () => {
  first = await makeProject(files, { '@bakery/orders-contract': 'orders' });
  second = await makeProject(
    { 'package.json': files['package.json'], 'weft.project.yaml': 'name: bakery\nelsewhere: [bakery.orders]\n' },
    { [contract]: 'payments' },
  );
  for (const folder of ['proto/bakery/payments', 'services/payments']) {
    await mkdir(dirname(join(second.path, folder)), { recursive: true });
    await rename(join(first.path, folder), join(second.path, folder));
  }
  const page = new DocumentedPage('docs/split-a-service.md', 'tests/e2e/elsewhere.test.ts');
  page.next(/^npm install$/); // The packages of this repository are linked.
  await execute('npx', ['weft', 'generate'], { cwd: second.path });
  await execute('sh', ['-c', page.next(/^npx weft contract pack payments$/)], { cwd: second.path });
  // What npm does with a tarball.
  page.next(/^npm install @bakery\/payments-contract$/);
  const installed = join(first.path, 'node_modules', contract);
  await mkdir(installed, { recursive: true });
  const tarball = join(second.path, 'dist/contracts/bakery-payments-contract-0.1.0.tgz');
  await execute('tar', ['-xzf', tarball, '--strip-components=1', '-C', installed]);
});
test.after.always(async () => {
  await first?.remove();
  await second?.remove();
});

/** Places an order at the edge: the receipt's text, with what payments said where it refused. */
async function place(edge: string, account: string, cents: number): Promise<string> {
  const answer = await fetch(`${edge}/bakery.orders.v1.OrderService/Place`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'connect-protocol-version': '1' },
    body: JSON.stringify({ account, cents }),
  });
  const { receipt, code, message } = JSON.parse(await answer.text());
  return receipt?.text ?? `${code}: ${message}`;
}

async function assertRefused(t: ExecutionContext, state: string): Promise<void> {
  const status = await new SupervisorClient(stateDirectory(state).controlSocket).status();
  const outbound = status?.replicas.find(({ name }) => name === 'stranger-0')?.outbound ?? '';
  const method = 'bakery.payments.v1.PaymentService/Charge';
  const { code, message } = await probeCall(Number(outbound.split(':')[1]), 'bakery.payments', `/${method}`);
  t.is(code, 7);
  t.regex(message, /^weft: \S+\/stranger may not call \S+\/Charge; its contract names bakery\.orders$/);
}

test.serial('both repositories run together, each followed, and a service that npm has installed', async (t) => {
  t.timeout(120_000);
  const uses = `uses:\n  - folder: ../${basename(second.path)}\n  - package: "@bank/ledger"\n`;
  await writeFile(join(first.path, 'weft.project.yaml'), `name: bakery\n${uses}`);
  const dev = await startDev(first.path);
  t.teardown(() => dev.stop());
  t.is(await place(dev.edge, 'A-1', 250), 'A-1 paid 250');
  t.regex(await place(dev.edge, 'B-1', 250), /account/, 'the rules of its contract hold');
  await assertRefused(t, dev.state);
  const { stdout } = await execute(process.execPath, [weftBin, 'status', '--state', dev.state], { cwd: first.path });
  t.regex(stdout, new RegExp(`bakery/payments .* from ../${basename(second.path)}`));
  t.regex(stdout, /bank\/ledger .* 1\/1 .* the package @bank\/ledger/);

  let before = dev.output();
  const proto = join(second.path, 'proto/bakery/payments/v1/payments.proto');
  await writeFile(proto, paymentsProto.replace('deadline: {seconds: 1}', 'deadline: {seconds: 2}'));
  const said = await dev.said(/payments restarted in/, before);
  t.regex(said, /bakery\.payments changed:.*deadline: 1 s -> 2 s/s);
  t.is(await place(dev.edge, 'A-1', 250), 'A-1 paid 250');

  before = dev.output();
  const folder = join(second.path, 'services/idler');
  await mkdir(folder);
  await writeFile(join(folder, 'idle.cjs'), 'setInterval(() => {}, 60_000);\n');
  await writeFile(join(folder, 'weft.yaml'), 'command: [node, idle.cjs]\nhealth: none\n');
  await dev.said(/idler joined in/, before);
  before = dev.output();
  await rm(folder, { recursive: true });
  await dev.said(/idler left the mesh/, before);
});

test.serial('the first runs alone, with a fake that follows its answers', async (t) => {
  t.timeout(120_000);
  const answers = join(first.path, 'fakes/payments.yaml');
  const uses = `uses:\n  - {fake: "${contract}", answers: fakes/payments.yaml}\n  - folder: ../not-checked-out\n`;
  await writeFile(join(first.path, 'weft.project.yaml'), `name: bakery\n${uses}`);
  await mkdir(dirname(answers));
  const save = async (text: string) => {
    await writeFile(`${answers}.tmp`, text);
    await rename(`${answers}.tmp`, answers);
  };
  await save(`Charge:
    - request: {cents: 13}
      error: {code: FAILED_PRECONDITION, message: no luck}
    - response: {receipt: {text: paid to a fake}}
`);
  await rm(second.path, { recursive: true });
  const dev = await startDev(first.path);
  t.teardown(() => dev.stop());
  t.regex(
    dev.output(),
    /uses\.1: there is no folder \.\.\/not-checked-out; check the project out there, or correct folder/,
  );
  t.is(await place(dev.edge, 'A-1', 250), 'paid to a fake');
  t.regex(await place(dev.edge, 'A-1', 13), /no luck/);
  t.regex(await place(dev.edge, 'B-1', 250), /account/, 'the rules of its contract hold');
  await assertRefused(t, dev.state);
  const { stdout } = await execute(process.execPath, [weftBin, 'status', '--state', dev.state], { cwd: first.path });
  t.regex(stdout, new RegExp(`bakery/payments .* a fake of ${contract}`));

  const before = dev.output();
  await save('Charge:\n  - response: {receipt: {txt: wrong}}\n');
  await dev.said(/fakes\/payments\.yaml: Charge: answer 1: response: .*txt/, before);
  t.is(await place(dev.edge, 'A-1', 250), 'paid to a fake', 'the old one goes on');
  await save('Charge:\n  - response: {receipt: {text: paid anew}}\n');
  await waitFor('the new answer', async () => (await place(dev.edge, 'A-1', 250)) === 'paid anew');
});
