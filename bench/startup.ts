/**
 * How long each command of weft takes until its first output, where no mesh runs. Subjects: the command from this repository's sources,
 * and as it is published (scripts/pack.ts). The baseline, in turns, is `node -e 0`, which ends without output. The first run of a
 * command fills Node's compile cache and does not count. Goals: 0.3 s for `weft --version`, 0.5 s for every other.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packedPackages } from '../tests/packed-packages.ts';
import { quickCommands, startCost } from '../tests/start-cost.ts';
import { median } from './pairs.ts';

const usage = `Usage: node bench/startup.ts [options]

  --rounds N     starts of each command that count   (default: 5)
  --help         this text`;

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, help: { type: 'boolean', default: false } },
});
const root = join(import.meta.dirname, '..');
const versionGoalMs = 300;
const otherGoalMs = 500;

if (values.help) console.log(usage);
else await main(Number(values.rounds));

async function main(rounds: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'startup-'));
  try {
    await measure('sources', join(root, 'packages/cli/bin/weft.js'), dir, rounds);
    await measure('published', await installed(dir), dir, rounds);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function measure(subject: string, weft: string, dir: string, rounds: number): Promise<void> {
  const baseline: number[] = [];
  let slowestMs = 0;
  let versionMs = 0;
  for (const { args } of quickCommands) {
    await startCost([weft, ...args], dir);
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      times.push((await startCost([weft, ...args], dir)).firstByteMs);
      baseline.push((await startCost(['-e', '0'], dir)).firstByteMs);
    }
    const firstMs = median(times);
    if (args[0] === '--version') versionMs = firstMs;
    else slowestMs = Math.max(slowestMs, firstMs);
    const ratio = (firstMs / median(baseline)).toFixed(1);
    console.log(`${subject}: weft ${args.join(' ')}`.padEnd(68), `${firstMs.toFixed(0)} ms, ${ratio} times node -e 0`);
  }
  console.log(`${subject}: node -e 0`.padEnd(68), `${median(baseline).toFixed(0)} ms`);
  console.log(`ratio startup/${subject}-version-goal ${(versionMs / versionGoalMs).toFixed(2)}`);
  console.log(`ratio startup/${subject}-slowest-goal ${(slowestMs / otherGoalMs).toFixed(2)}`);
  console.log(`ratio startup/${subject}-version-to-node ${(versionMs / median(baseline)).toFixed(2)}`);
}

/** The published command in a directory of its own; what it depends on is that of this repository. */
async function installed(dir: string): Promise<string> {
  const cli = (await packedPackages(root)).find(({ name }) => name === '@weft/cli');
  if (cli === undefined) throw new Error('scripts/pack.ts packs no @weft/cli');
  const home = join(dir, 'cli');
  mkdirSync(home);
  execFileSync('tar', ['-xzf', cli.file, '-C', home]);
  symlinkSync(join(root, 'node_modules'), join(home, 'package/node_modules'));
  return join(home, 'package/bin/weft.js');
}
