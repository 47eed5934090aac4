import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { startOciRegistry } from './oci-registry.fixture.ts';

const run = promisify(execFile);
const charts = import.meta.dirname;
const version = '1.2.3';
const noHelm: string | undefined = await run('helm', ['version']).then(
  () => undefined,
  () => 'there is no helm on PATH',
);

const chartTest = noHelm === undefined ? test : test.skip;

chartTest(
  `charts are packed, pushed to an OCI registry and rendered from there${noHelm ? ` (${noHelm})` : ''}`,
  async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'weft-packed-'));
    t.teardown(() => rmSync(directory, { recursive: true }));
    const registry = await startOciRegistry();
    t.teardown(registry.close);
    const repository = `oci://${registry.address}/charts`;
    const options = { maxBuffer: 1 << 26 };

    for (const [folder, name] of [
      ['weft', 'weft'],
      ['service', 'weft-service'],
      ['shop', 'shop'],
    ] as const) {
      await run('helm', ['package', join(charts, folder), '--version', version, '--destination', directory]);
      const archive = join(directory, `${name}-${version}.tgz`);
      await run('helm', ['push', archive, repository, '--plain-http']);

      const set = ['--set', folder === 'shop' ? 'service.image.tag=v1' : 'image.tag=v1', '-n', 'bakery'];
      const pulled = ['template', 'one', `${repository}/${name}`, '--version', version, '--plain-http', ...set];
      const fromRegistry = await run('helm', pulled, options);
      const fromFolder = await run('helm', ['template', 'one', join(charts, folder), ...set], options);
      // Nothing but the version tells which of the two it is.
      const expected = fromFolder.stdout.replaceAll(`${name}-0.1.0`, `${name}-${version}`);
      // Helm says first what it has pulled.
      const rendered = fromRegistry.stdout.replace(/^Pulled: .*\nDigest: .*\n/, '');
      t.true(rendered === expected, `${name} is not the same from the registry`);
    }
    t.deepEqual(registry.tags(), [
      `charts/shop:${version}`,
      `charts/weft-service:${version}`,
      `charts/weft:${version}`,
    ]);
  },
);
