import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { type Registry, startRegistry } from '../registry.ts';
import { UserProject } from './user-project.ts';

const kit = join(import.meta.dirname, '../../packages/service-kit/package.json');
/** The oldest and the newest Node of the kit's `engines`, as versions of the npm package `node`. */
const nodes = ['22', '24'];

let registry: Registry;

test.before('everything is published', async () => {
  registry = await startRegistry();
});
test.after.always(() => registry?.stop());

for (const end of ['lowest', 'highest'] as const) {
  test.serial(
    `a service runs with the ${end} versions of the kit's peer dependencies, on Node ${nodes.join(' and ')}`,
    async (t) => {
      const { peerDependencies }: { peerDependencies: Record<string, string> } = JSON.parse(
        await readFile(kit, 'utf8'),
      );
      const ranges = Object.entries(peerDependencies).filter(([, range]) => range.startsWith('^'));
      t.true(ranges.length >= 2);
      const project = await UserProject.create(registry);
      t.teardown(() => project.remove());
      const wanted = ranges.map(([name, range]) => `${name}@${end === 'lowest' ? range.slice(1) : range}`);
      await project.install('@weft/service-kit', '@weft/cli', ...wanted);
      for (const [name, range] of end === 'lowest' ? ranges : []) {
        const installed = join(project.directory, 'node_modules', name, 'package.json');
        t.is(JSON.parse(await readFile(installed, 'utf8')).version, range.slice(1), name);
      }
      await project.buildService();
      for (const major of nodes) {
        await project.install(`node-${major}@npm:node@${major}`);
        const node = join(project.directory, `node_modules/node-${major}/bin/node`);
        t.regex(await project.run(node, 'built/baker.js'), new RegExp(`^3 loaves on Node v${major}\\.`));
        t.regex(await project.run(node, 'node_modules/@weft/cli/bin/weft.js', '--help'), /^Usage: weft /);
      }
    },
  );
}
