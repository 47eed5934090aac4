import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { serving } from './order-server.fixture.ts';

// h2spec is a Go program: go install github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible

const cached = join(process.env.WEFT_CACHE ?? join(homedir(), '.cache/weft'), 'bin/h2spec');
const h2spec = [cached, 'h2spec'].find((command) => spawnSync(command, ['--version']).status === 0);

/** The cases that fail at an address, by section and title. */
async function failing(command: string, port: number | string): Promise<{ failed: string[]; ran: number }> {
  const directory = await mkdtemp(join(tmpdir(), 'h2spec-'));
  const report = join(directory, 'report.xml');
  const child = spawn(command, ['-h', '127.0.0.1', '-p', String(port), '-o', '1', '-j', report], { stdio: 'ignore' });
  await once(child, 'exit');
  const xml = await readFile(report, 'utf8');
  await rm(directory, { recursive: true });
  const cases = [...xml.matchAll(/<testcase package="([^"]*)" classname="([^"]*)"[^>]*>([\s\S]*?)<\/testcase>/g)];
  const failed = cases.filter(([, , , result]) => /<(error|failure)/.test(result ?? ''));
  return { failed: failed.map(([, section, title]) => `${section}: ${title}`), ran: cases.length };
}

(h2spec ? test : test.skip)(
  `no case of h2spec fails that a bare server of node:http2 passes${h2spec ? '' : ' (skipped: there is no h2spec)'}`,
  async (t) => {
    t.timeout(120_000);
    const bare = createServer((_, response) => response.end('hello'));
    bare.on('sessionError', () => {});
    bare.listen(0, '127.0.0.1');
    await once(bare, 'listening');
    const server = await serving();
    const [ofKit, ofBare] = await Promise.all([
      failing(h2spec ?? '', server.address.split(':')[1] ?? ''),
      failing(h2spec ?? '', (bare.address() as AddressInfo).port),
    ]);
    t.true(ofKit.ran >= 145, `${ofKit.ran} cases`);
    const worse = ofKit.failed.filter((name) => !ofBare.failed.includes(name));
    t.deepEqual(worse, []);
    t.log(ofKit.failed.join('\n'));
    bare.close();
    await server.close();
  },
);
