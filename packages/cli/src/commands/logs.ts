import { existsSync, readdirSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { didYouMean } from '@weft/compiler/model/did-you-mean';
import { Command, InvalidArgumentError, Option } from 'commander';
import { CommandError } from '../command-error.ts';
import { chosenState } from '../mesh-choice.ts';
import { stateOption } from './options.ts';

/** `weft logs`: what processes have logged. */
export function logsCommand(): Command {
  return new Command('logs')
    .description('Shows the end of a log as it was written. Envoys log their calls in <replica>.envoy and edge.')
    .argument('[process]', 'as orders-0, orders-0.envoy, edge, control-plane, postgres; none: the supervisor')
    .option('-f, --follow', 'go on as more comes', false)
    .addOption(new Option('-n, --lines <count>', 'how many lines of the past').default(50).argParser(parseCount))
    .addOption(stateOption())
    .action(async (name: string | undefined, options: { follow: boolean; lines: number; state?: string }) => {
      const state = chosenState(options.state);
      const names = existsSync(state.log)
        ? readdirSync(state.log)
            .filter((file) => file.endsWith('.log'))
            .map((file) => file.slice(0, -'.log'.length))
        : [];
      const chosen = name ?? 'up';
      if (!names.includes(chosen)) {
        const near = didYouMean(chosen, names);
        throw new CommandError(`There is no log of ${chosen}.${near} Logs: ${names.sort().join(', ') || 'none yet'}.`);
      }
      const path = join(state.log, `${chosen}.log`);
      const end = await printEnd(path, options.lines);
      if (options.follow) await follow(path, end);
    });
}

/** Prints the last lines and returns the offset behind them. */
async function printEnd(path: string, lines: number): Promise<number> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - lines * 2_000);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
    const all = buffer.subarray(0, bytesRead).toString('utf8').split('\n');
    process.stdout.write(all.slice(-(lines + 1)).join('\n'));
    return size;
  } finally {
    await file.close();
  }
}

async function follow(path: string, from: number): Promise<never> {
  let offset = from;
  for (;;) {
    await sleep(200);
    const { size } = await stat(path);
    // It was begun anew.
    if (size < offset) offset = 0;
    if (size === offset) continue;
    const file = await open(path);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - offset), 0, size - offset, offset);
    await file.close();
    offset += bytesRead;
    process.stdout.write(buffer.subarray(0, bytesRead));
  }
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 0 || count > 100_000)
    throw new InvalidArgumentError('It is from 0 to 100000.');
  return count;
}
