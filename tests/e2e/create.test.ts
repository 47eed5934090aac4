import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { makeShopTemplate } from '../../packages/create-weft/scripts/shop-template.ts';
import { type Place, runBlocks } from '../documented-blocks.ts';
import { DocumentedPage } from '../documented-page.ts';
import { createLinkedProject, type LinkedProject } from '../linked-project.ts';
import { freePort } from '../mesh.ts';

const execute = promisify(execFile);

/** What `weft lint` prints when it has found nothing. */
const inOrder = 'No problems found in the contracts.\n';

let project: LinkedProject;
/** What runs in it, once it runs. */
let mesh: Place | undefined;

test.before(async () => {
  project = await createLinkedProject('bakery');
});

test.after.always(async () => {
  await project?.remove();
});

test.serial('a project has the files that the tutorial shows', (t) => {
  const [listing = []] = new DocumentedPage('docs/tutorial.md', 'tests/e2e/create.test.ts').outputs;
  const paths = listing.flatMap((line) => /^\S+/.exec(line)?.[0] ?? []);
  t.true(paths.length >= 5, `${paths}`);
  for (const path of paths) t.true(existsSync(join(project.directory, path)), path);
});

test.serial('a service is added, with what it calls', async (t) => {
  const generated = await project.read('contracts/bread/package.json');
  const added = JSON.parse(
    await project.weft('add', 'service', 'cart', '--calls', 'bakery.bread', '--database', '--json'),
  );
  t.like(added, { logicalName: 'bakery.cart', folder: 'services/cart', advice: [] });
  t.deepEqual(added.edited, ['proto/bakery/bread/v1/bread.proto']);
  t.true((await project.read('proto/bakery/bread/v1/bread.proto')).includes('callers: ["bakery.cart"]\n'));
  t.is(await project.weft('lint', '--mesh'), inOrder);
  // The template has what is generated.
  t.is(await project.read('contracts/bread/package.json'), generated);
  await t.throwsAsync(project.weft('add', 'service', 'cart'), { message: /services\/cart already exists/ });
  await t.throwsAsync(project.weft('add', 'service', 'till', '--calls', 'bakery.bred'), {
    message: /No contract is named bakery\.bred\. Did you mean bakery\.bread\?/,
  });
});

test.serial(
  'all types fit, and all tests of the project pass, with those of docs/test-without-the-mesh.md',
  async (t) => {
    const page = await readFile(join(import.meta.dirname, '../../docs/test-without-the-mesh.md'), 'utf8');
    const blocks = [...page.matchAll(/^```ts\b.*\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code);
    // A new project has ava 7, which loads test files with require().
    t.notRegex(blocks.join('\n'), /^(?:const .* = )?await /m);
    const file = join(project.directory, 'services/bread/src/how-to.test.ts');
    await writeFile(file, blocks.join('\n'));
    await project.run('tsc', '--noEmit');
    const commands = new DocumentedPage('docs/test-without-the-mesh.md', 'tests/e2e/create.test.ts');
    const printed = await project.run('sh', '-c', commands.next(/^npx weft test /));
    commands.next(/^npx weft test bread /); // among the others
    t.regex(printed, /^3 services tested: 3 passed, 0 failed$/m);
    for (const [, title = ''] of blocks.join('\n').matchAll(/^test\('(.*)',/gm)) t.true(printed.includes(title), title);
    await rm(file);
  },
);

test.serial('the mesh runs, and what it suggests to try works', async (t) => {
  const port = await freePort();
  const welcome = await project.weft('up', '--detach', '--port', String(port));
  // The page has a project without cart.
  mesh = { directory: project.directory, port, welcome: welcome.replaceAll(/^.*\/v1\/cart.*\n/gm, '') };
  const tries = [...welcome.matchAll(/^ {2}(curl .*)$/gm)].map(([, command = '']) => command);
  t.true(tries.length >= 4, welcome);
  for (const command of tries) {
    const { stdout } = await execute('sh', ['-c', `${command} -sS --fail-with-body`]);
    t.notThrows(() => JSON.parse(stdout), `${command}: ${stdout}`);
  }
  // cart calls bread, which has the loaf that was baked above.
  const answer = await (await fetch(`http://127.0.0.1:${port}/v1/cart`)).text();
  t.regex(JSON.parse(answer).text, /^bakery\.bread answered \{"loaves":\[.*"flour":"rye"/);
  t.regex(await project.weft('why', 'edge', 'bakery.oven.v1.OvenService/Bake'), /oven\.proto:\d+/);
  t.regex(await project.weft('check'), /^.*no problems$/m);
});

for (const page of ['README.md', 'docs/debug-a-refused-call.md']) {
  test.serial(`${page}: its commands do what it shows`, async (t) => {
    if (mesh === undefined) throw new Error('the mesh does not run');
    await runBlocks(t, page, 'tests/e2e/create.test.ts', mesh);
  });
}

test.serial('the first call of a new service has what its callee requires', async (t) => {
  await project.weft('add', 'service', 'shelf', '--calls', 'bakery.oven');
  t.regex(await project.read('services/shelf/src/shelf-service.ts'), /callees\.oven\.bake\(\{ flour: '[\w-]+' \}\)/);
  const printed = await project.run('sh', '-c', 'npx weft test shelf');
  t.regex(printed, /✔ shelf tells what it was told/);
});

test.serial('the shop is a template, too: with all names of a project of its own', async (t) => {
  makeShopTemplate();
  const market = await createLinkedProject('fine-market', '--template', 'shop');
  t.teardown(() => market.remove());
  // Its contracts compile, and a new service may call one of them.
  await market.weft('add', 'service', 'gift-cards', '--calls', 'fine_market.catalog');
  t.is(await market.weft('lint', '--mesh'), inOrder);
  await market.run('tsc', '--noEmit');
  t.regex(await market.read('services/orders/weft.yaml'), /^namespace: fine-market\ncontract: fine_market\.orders$/m);
  t.regex(await market.read('services/gift-cards/src/gift-cards-service.ts'), /callees\.catalog\.listProducts\(\{\}\)/);
});
