import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { meshClient } from '../../packages/cli/src/mesh-client.ts';
import { stateDirectory } from '../../packages/cli/src/state-directory.ts';
import { SupervisorClient } from '../../packages/cli/src/supervisor/supervisor-client.ts';
import { type Mesh, startMesh } from '../mesh.ts';
import { makeProject } from '../project.ts';
import { waitFor } from '../wait-for.ts';

const execute = promisify(execFile);
const weftBin = join(import.meta.dirname, '../../packages/cli/bin/weft.js');

/** Answers every call with the environment of its process, by HTTP/2, where WEFT_LISTEN says. */
const mirror = `
  const { createServer } = require('node:http2');
  const server = createServer((request, response) => response.end(JSON.stringify({ ...process.env, ARGS: process.argv.slice(2).join() })));
  const [host, port] = process.env.WEFT_LISTEN.split(':');
  server.listen(host === 'unix' ? port : { host, port });
`;

let mesh: Mesh;
let project: Awaited<ReturnType<typeof makeProject>>;
test.before(async () => {
  project = await makeProject({
    'proto/README': '',
    'weft.project.yaml': 'name: bakery\n',
    'services/good/weft.yaml':
      'command: node ../mirror.cjs\nlisten: tcp\nhealth: tcp\nreplicas: 2\nenv: {FLOUR: rye}\nnamespace: bakery\n',
    'services/idle/weft.yaml': 'command: [sleep, 1000]\nhealth: none\nnamespace: bakery\n',
    'services/yours/weft.yaml': 'command: node ../mirror.cjs\nhealth: tcp\nnamespace: bakery\n',
    'services/mirror.cjs': mirror,
    // Each of these is wrong in its own way.
    'services/crash/weft.yaml': 'command: [node, crash.cjs]\nnamespace: bakery\n',
    'services/crash/crash.cjs': 'console.error("error: cannot find the moon"); process.exit(3);',
    'services/mute/weft.yaml': 'command: [sleep, 1000]\nnamespace: bakery\n',
    'services/lost/weft.yaml': 'command: no-such-program --flag\nnamespace: bakery\n',
    'services/nowhere/weft.yaml': 'command: node x.js\ncwd: gone\nnamespace: bakery\n',
    'services/blank/weft.yaml': 'namespace: bakery\n',
    'services/twin/weft.yaml': 'name: good\nnamespace: bakery\n',
    'services/broken/weft.yaml': 'name: [\n',
    'services/orphan/weft.yaml': 'contract: bakery.nothing\nnamespace: bakery\n',
  });
  mesh = await startMesh({ project: project.path, up: ['--wait', '4', '--except', 'yours'] });
});
test.after.always(async () => {
  await mesh?.stop();
  await project?.remove();
});

/** What a service answers to a call by the way of a replica's own calls, as soon as the caller's Envoy knows where it is. */
function call(from: string, authority: string): Promise<Record<string, string>> {
  return waitFor(`${authority} to answer`, () => callOnce(from, authority));
}

async function callOnce(from: string, authority: string): Promise<Record<string, string>> {
  const { outbound } = await mesh.replica(from);
  const session = connect(`http://${outbound}`);
  try {
    const stream = session.request({ ':path': '/', ':authority': authority });
    let body = '';
    stream.setEncoding('utf8').on('data', (text) => {
      body += text;
    });
    await once(stream, 'end');
    return JSON.parse(body);
  } finally {
    session.destroy();
  }
}

test.serial('what cannot run is left out with a sentence that says what to do, and the mesh is up', async (t) => {
  const expected = {
    'services/broken/weft.yaml': /^not YAML/,
    'services/twin/weft.yaml':
      /^name: good is taken by services\/good\/weft\.yaml; choose another; the service is left out$/,
    orphan: /^there is no contract bakery\.nothing; .*services\/orphan\/weft\.yaml$/,
    crash: /^ended with exit code 3, the \w+ time in a row; .*it last said: error: cannot find the moon$/,
    mute: /^it does not listen yet$/,
    lost: /^did not start: its command no-such-program was not found; install it, or correct command in services\/lost\/weft\.yaml/,
    blank:
      /^did not start: its main src\/main\.ts does not exist; write it, or set main or command in services\/blank\/weft\.yaml/,
    nowhere: /^did not start: its cwd .*gone is not a directory; correct it in services\/nowhere\/weft\.yaml/,
  };
  const { troubles, steps } = await mesh.supervisor();
  t.regex(steps.at(-1)?.failed ?? 'done', /^not those from or to blank, crash, lost, mute, nowhere$/);
  t.deepEqual(troubles.map(({ subject }) => subject).sort(), Object.keys(expected).sort());
  const shown = await mesh.weft('status');
  for (const [subject, pattern] of Object.entries(expected)) {
    t.regex(troubles.find((trouble) => trouble.subject === subject)?.message ?? '', pattern);
    t.regex(mesh.welcome, new RegExp(`^  ${subject}: ${pattern.source.replace(/^\^/, '').replace(/\$$/, '')}`, 'm'));
    t.regex(shown, new RegExp(pattern.source.replace(/^\^/, '').replace(/\$$/, '')));
  }
});

test.serial('nobody asked for PostgreSQL, so there is none', async (t) => {
  t.deepEqual(
    (await mesh.supervisor()).processes.map(({ name }) => name),
    ['control-plane'],
  );
  t.notRegex(mesh.welcome, /PostgreSQL/);
});

test.serial('a service without a contract, in replicas, on TCP: it has its environment and answers', async (t) => {
  t.is((await mesh.replicas('good')).length, 2);
  const env = await call('idle-0', 'good');
  t.like(env, { FLOUR: 'rye', WEFT_SERVICE: 'bakery.good' });
  t.regex(env.WEFT_LISTEN ?? '', /^127\.0\.0\.1:\d+$/);
  t.regex(env.WEFT_OUTBOUND ?? '', /^127\.0\.0\.1:\d+$/);
});

/** Runs `weft run`, waits until its process takes all calls of its service, and ends it. */
async function borrowed(service: string, command: readonly string[], use: () => Promise<void>): Promise<number | null> {
  const args = ['run', '--state', mesh.state, service, ...command];
  const child = spawn(process.execPath, [weftBin, ...args], { cwd: project.path, stdio: 'ignore' });
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  try {
    await waitFor(`${service} to be ready`, async () => {
      const replicas = (await mesh.supervisor()).replicas.filter((replica) => replica.service === service);
      return replicas.some(({ ready, pid }) => ready && pid === undefined);
    });
    await use();
  } finally {
    child.kill('SIGTERM');
  }
  return exited;
}

test.serial('a service that was excepted waits for weft run, and for no longer than that', async (t) => {
  t.regex((await mesh.replica('yours-0')).reason, /^you start its process yourself: `npx weft run yours`$/);
  await borrowed('yours', [], async () => {
    const env = await call('idle-0', 'yours');
    t.regex(env.WEFT_LISTEN ?? '', /^unix:.*yours-0\.sock$/);
  });
  await waitFor('its reason', async () => /start its process yourself/.test((await mesh.replica('yours-0')).reason));
});

test.serial('weft run does not stop a service for a program that is not there', async (t) => {
  const before = await mesh.replicas('good');
  for (const [program, reason] of [
    ['/nope/xyz', 'was not found'],
    ['no-such-program', 'was not found'],
    ['./weft.yaml', 'is not executable'],
  ] as const) {
    const error = await t.throwsAsync(mesh.weft('run', 'good', '--', program));
    t.regex(
      error?.message ?? '',
      new RegExp(`\`weft run good\` does not start: its command .* ${reason}; .* or correct it`),
    );
  }
  t.deepEqual(
    (await mesh.replicas('good')).map(({ pid, ready }) => ({ pid, ready })),
    before.map(({ pid, ready }) => ({ pid, ready })),
  );
});

test.serial('weft run takes the place of all replicas, with their environment, and gives it back', async (t) => {
  const before = await call('idle-0', 'good');
  await borrowed('good', ['--', 'node', '../mirror.cjs', 'mine'], async () => {
    for (let round = 0; round < 4; round++) {
      const { ARGS, ...env } = await call('idle-0', 'good');
      t.is(ARGS, 'mine');
      const names = (each: Record<string, string>) =>
        Object.keys(each).filter((name) => /^(WEFT|OTEL|FLOUR|PATH)/.test(name));
      t.deepEqual(names(env).sort(), names(before).sort());
    }
  });
  await waitFor('the replicas to be back', async () =>
    (await mesh.replicas('good')).every(({ pid }) => pid !== undefined),
  );
  await waitFor('two replicas', async () => (await mesh.replicas('good')).length === 2);
  t.is((await call('idle-0', 'good')).ARGS, '');
});

test.serial('weft run says what it cannot run', async (t) => {
  const run = (...args: string[]) =>
    t.throwsAsync<Error & { stderr: string }>(
      execute(process.execPath, [weftBin, 'run', '--state', mesh.state, ...args], { cwd: project.path }),
    );
  t.regex((await run('god'))?.stderr ?? '', /No service is named god\. Did you mean good\?/);
  t.regex(
    (await run('yours', '--', 'no-such-program'))?.stderr ?? '',
    /`weft run yours` does not start: its command no-such-program was not found; .*correct it/,
  );
});

test.serial('start returns when the process serves', async (t) => {
  const state = stateDirectory(mesh.state);
  const client = new SupervisorClient(state.controlSocket);
  await client.hold('control-plane', true);
  const refused = await t.throwsAsync<Error & { stderr: string }>(mesh.weft('history'));
  t.regex(
    refused?.stderr ?? '',
    /^weft: The control plane is not running \(.*`weft start control-plane` starts it again\)/m,
  );
  await client.hold('control-plane', false);
  await t.notThrowsAsync(meshClient(state.apiSocket).getStatus({}));
});

test.serial('without a mesh, a command says how to start one', async (t) => {
  const state = join(project.path, 'no-mesh');
  for (const args of [['history'], ['run', 'good']]) {
    const error = await t.throwsAsync<Error & { stderr: string }>(
      execute(process.execPath, [weftBin, ...args, '--state', state], { cwd: project.path }),
    );
    t.is(error?.stderr.trim(), 'weft: No mesh is running here; start it with `weft up`.', args.join(' '));
  }
});
