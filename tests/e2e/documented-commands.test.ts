import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import test from 'ava';
import { program } from '../../packages/cli/src/program.ts';
import { helpExamples } from '../../scripts/documentation/help-examples.ts';
import { DocumentedShell, runBlocks } from '../documented-blocks.ts';
import { type Mesh, startMesh } from '../mesh.ts';
import { waitFor } from '../wait-for.ts';

const root = join(import.meta.dirname, '../..');

/** The pages whose blocks name this test. They run in this order, in one mesh. */
const pages = ['docs/why.md', 'docs/policy.md', 'docs/certificates.md', 'services/control-plane/README.md'];

let mesh: Mesh;
test.before('the mesh of the shop', async () => {
  mesh = await startMesh();
});
test.after.always(() => mesh?.stop());

for (const page of pages) {
  test.serial(`${page}: its commands do what it shows`, async (t) => {
    await runBlocks(t, page, 'tests/e2e/documented-commands.test.ts', { ...mesh, directory: root });
  });
}

/** Commands in the help that stay in the foreground, and what runs each. */
const foreground: ReadonlyMap<string, string> = new Map([
  ['weft up', 'this test, before all others'],
  ['weft dev', 'tests/e2e/dev.test.ts'],
  ['weft run', 'the test below, with a service'],
  ['weft run orders -- node --inspect-brk src/main.ts', 'the test below'],
]);

test.serial('every example in the help runs', async (t) => {
  const examples = helpExamples(await program());
  t.true(examples.length > 8, `${examples}`);
  const shell = new DocumentedShell({ directory: root, state: mesh.state });
  t.teardown(() => shell.end());
  for (const example of examples.filter((each) => !foreground.has(each))) {
    const { code, printed } = await shell.run(example);
    t.is(code, 0, `${example}\n${printed}`);
    t.not(printed, '', example);
  }
  t.deepEqual(
    [...foreground.keys()].filter((each) => !examples.includes(each)),
    [],
    'no longer in the help',
  );
});

test.serial('weft run waits for a debugger, and gives the service back', async (t) => {
  // The debugger's own port may be another mesh's.
  const args = ['run', 'orders', '--', 'node', '--inspect-brk=0', 'src/main.ts'];
  const env = { ...process.env, WEFT_STATE: mesh.state };
  const child = spawn(process.execPath, ['packages/cli/bin/weft.js', ...args], { cwd: root, env });
  const exited = once(child, 'exit');
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  try {
    await waitFor('the debugger', () => /Debugger listening on ws:/.test(said));
  } finally {
    child.kill('SIGTERM');
  }
  await exited;
  t.truthy(await waitFor('orders to be back', async () => (await mesh.replicas('orders'))[0]?.pid));
});
