import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { program } from '../../packages/cli/src/program.ts';
import type { CodeBlock } from '../../scripts/documentation/code-block.ts';
import { helpExamples } from '../../scripts/documentation/help-examples.ts';
import { readPage } from '../../scripts/documentation/pages.ts';
import { shownCommands } from '../../scripts/documentation/shell-block.ts';
import { type Ids, outputDifference, withIds } from '../../scripts/documentation/shown-output.ts';
import { findGrpcurl } from '../grpcurl.ts';
import { type Mesh, startMesh } from '../mesh.ts';
import { waitFor } from '../wait-for.ts';

const root = join(import.meta.dirname, '../..');
const own = 'tests/e2e/documented-commands.test.ts';
const grpcurl = findGrpcurl();

/** The pages whose blocks name this test. They run in this order, in one mesh. */
const pages = [
  'docs/why.md',
  'docs/policy.md',
  'docs/certificates.md',
  'services/control-plane/README.md',
];

let mesh: Mesh;
test.before('the mesh of the shop', async () => {
  mesh = await startMesh();
});
test.after.always(() => mesh?.stop());

/** One shell in the repository's folder, as a person has it. */
class Shell {
  readonly #bash: ChildProcess;
  #output = '';

  constructor() {
    const path = [join(root, 'node_modules/.bin'), ...(grpcurl ? [dirname(grpcurl)] : []), process.env.PATH ?? ''];
    const env = { ...process.env, PATH: path.join(delimiter), WEFT_STATE: mesh.state, NO_COLOR: '1' };
    this.#bash = spawn('bash', [], { cwd: root, env, stdio: ['pipe', 'pipe', 'inherit'] });
    this.#bash.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
  }

  /** Runs a command, or several lines until one fails; resolves with all that they printed. */
  async run(command: string): Promise<{ code: number; printed: string }> {
    this.#output = '';
    this.#bash.stdin?.write(`{\n${command}\n} < /dev/null 2>&1\necho "--- ended with $?"\n`);
    const ended = await waitFor(command, () => /^--- ended with (\d+)\n/m.exec(this.#output) ?? undefined, {
      timeoutMs: 60_000,
      intervalMs: 10,
    });
    return { code: Number(ended[1]), printed: this.#output.slice(0, ended.index) };
  }

  async end(): Promise<void> {
    const ended = once(this.#bash, 'close');
    this.#bash.stdin?.end();
    await ended;
  }
}

/** A command for this mesh; one of a program that this machine does not have does nothing. */
function here(command: string, ids: Ids): string {
  if (grpcurl === undefined && command.startsWith('grpcurl')) return 'true';
  return withIds(command, ids).replaceAll('localhost:8080', `localhost:${mesh.port}`);
}

async function runBlock(t: ExecutionContext, { lines, mark }: CodeBlock, place: string, ids: Ids): Promise<void> {
  const shell = new Shell();
  t.teardown(() => shell.end());
  const run = async (command: string): Promise<readonly string[]> => {
    const { code, printed } = await shell.run(here(command, ids));
    t.is(code, 0, `${place}: ${command}\n${printed}`);
    return printed.split('\n');
  };
  const hidden = (mark?.hidden ?? []).join('\n');
  if (mark?.kind === 'printed by') {
    // It has started the mesh that all of this runs in.
    const printed = hidden === 'make up' ? mesh.welcome.split('\n') : await run(hidden);
    t.is(outputDifference(['...', ...lines, '...'], printed, ids), undefined, `${place}:\n${printed.join('\n')}`);
    return;
  }
  if (hidden !== '') await run(hidden);
  for (const { command, output } of shownCommands(lines)) {
    const printed = await run(command);
    if (output === undefined) continue;
    t.is(outputDifference(output, printed, ids), undefined, `${place}: ${command}\n${printed.join('\n')}`);
  }
}

for (const page of pages) {
  test.serial(`${page}: its commands do what it shows`, async (t) => {
    const ids: Ids = new Map();
    const blocks = readPage(page).blocks.filter(({ mark }) => mark?.what === own);
    t.true(blocks.length > 0, 'it has blocks that name this test');
    for (const block of blocks) await runBlock(t, block, `${page}:${block.line}`, ids);
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
  const shell = new Shell();
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
