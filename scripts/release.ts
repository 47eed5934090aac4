/**
 * Makes everything that a release consists of, from a clean tree, and publishes nothing.
 *
 *   node scripts/release.ts VERSION      `make release VERSION=x`
 *
 *   dist/release/VERSION/
 *     packages/*.tgz      what npm publishes
 *     charts/*.tgz        what `helm push` puts into an OCI registry
 *     images.json         image -> reference, and its digest where the builder gives one
 *     sbom/*.json         CycloneDX, of each image and package
 *     NOTES.md            this version's part of CHANGELOG.md
 *     SHA256SUMS          of all of these
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { packageBill } from '../packages/cli/src/package/software-bill.ts';
import { allImages } from './image-inputs.ts';
import { parseLock, productionClosure } from './lock-closure.ts';
import { run } from './pack/command.ts';
import { packAll } from './pack/pack-all.ts';
import { withPackLock } from './pack/pack-lock.ts';
import { publishedPackages } from './pack/published-packages.ts';
import { changelogSection } from './release/changelog.ts';
import { checksums } from './release/checksums.ts';
import { publishingCommands } from './release/publishing-commands.ts';
import { releaseProblems } from './release/release-problems.ts';

const root = join(import.meta.dirname, '..');
/** Published charts. charts/shop is an example that stays in the repository. */
const charts = ['weft', 'service'];
const [version = ''] = process.argv.slice(2);

const problems = releaseProblems(root, version);
for (const problem of problems) console.error(`release: ${problem}`);
if (problems.length > 0) process.exitCode = 1;
else
  await release().catch((error: unknown) => {
    console.error(`release: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  });

async function release(): Promise<void> {
  const out = join(root, 'dist/release', version);
  rmSync(out, { recursive: true, force: true });
  for (const folder of ['packages', 'charts', 'sbom']) mkdirSync(join(out, folder), { recursive: true });

  // First, since charts carry the tags of images.
  await run(process.execPath, [join(root, 'scripts/images.ts')], root);
  const images: Record<string, { reference: string; digest?: string }> = JSON.parse(
    readFileSync(join(root, 'dist/images-built.json'), 'utf8'),
  );
  writeJson(join(out, 'images.json'), images);
  for (const { name } of allImages(root)) cpSync(join(root, `dist/sbom/${name}.json`), join(out, `sbom/${name}.json`));

  const packed = await withPackLock(root, () => packAll(root, join(out, 'packages')));
  const lock = parseLock(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  for (const { directory, shortName } of publishedPackages(root)) {
    writeJson(join(out, `sbom/package-${shortName}.json`), packageBill(productionClosure(lock, directory)));
  }
  for (const chart of charts) {
    await run('helm', ['package', join(root, 'charts', chart), '--destination', join(out, 'charts')], root);
  }
  writeFileSync(
    join(out, 'NOTES.md'),
    changelogSection(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'), version) ?? '',
  );
  writeFileSync(join(out, 'SHA256SUMS'), checksums(out));

  console.log(`Weft ${version} is in ${relative(root, out)}; nothing has been published. These commands do:\n`);
  const files = packed.map(({ file }) => relative(root, file));
  const packages = readdirSync(join(out, 'charts')).map((file) => relative(root, join(out, 'charts', file)));
  for (const line of publishingCommands({ version, packages: files, charts: packages, images }))
    console.log(`  ${line}`);
}

function writeJson(path: string, value: object): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}
