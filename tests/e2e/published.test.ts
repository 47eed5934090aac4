import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { UserProject } from '../published/user-project.ts';
import { type Registry, startRegistry } from '../registry.ts';
import { leastCpuMs, quickCommands } from '../start-cost.ts';

const root = join(import.meta.dirname, '../..');

let registry: Registry;
let project: UserProject;

test.before('everything is published, and installed in an empty directory', async () => {
  registry = await startRegistry();
  project = await UserProject.create(registry);
  await project.install('@weft/cli', '@weft/service-kit');
});

test.after.always(async () => {
  await registry?.stop();
  await project?.remove();
});

test.serial('the weft command works as it does here', async (t) => {
  const { version } = JSON.parse(await readFile(join(root, 'packages/cli/package.json'), 'utf8'));
  t.is((await project.run('npx', 'weft', '--version')).trim(), version);
  t.regex(await project.run('npx', 'weft', '--help'), /^Usage: weft /);
  const golden = join(root, 'packages/compiler/goldens/caller-and-callee');
  const compiled = await project.run('npx', 'weft', 'compile', '--mesh', golden, '--json');
  t.deepEqual(JSON.parse(compiled), JSON.parse(await readFile(join(golden, 'out.json'), 'utf8')));
});

test.serial('the weft command says its first word at once', async (t) => {
  const weft = join(project.directory, 'node_modules/@weft/cli/bin/weft.js');
  for (const { args, maxCpuMs } of quickCommands) {
    const leastMs = await leastCpuMs([weft, ...args], project.directory, maxCpuMs);
    t.true(leastMs <= maxCpuMs, `weft ${args.join(' ')}: ${leastMs.toFixed(0)} ms of CPU, more than ${maxCpuMs}`);
  }
});

test.serial('a service is compiled against the published types, and runs', async (t) => {
  await project.buildService();
  t.is(await project.run('node', 'built/baker.js'), `3 loaves on Node ${process.version}\n`);
});
