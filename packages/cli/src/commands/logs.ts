import { parseDuration } from '@weft/compiler/facts/duration';
import { Command, InvalidArgumentError, Option } from 'commander';
import { logNames } from '../log-files/log-names.ts';
import { type LogOptions, ShownLogs, supervisorLog } from '../log-files/show-logs.ts';
import { chosenState } from '../mesh-choice.ts';
import { notRunning } from '../supervisor/supervisor-client.ts';
import { jsonOption, stateOption } from './options.ts';

/** `weft logs`: shows the logs of processes. */
export function logsCommand(): Command {
  return new Command('logs')
    .description(
      'Shows the end of one log as it was written, or of several logs merged by time, with the process name before each line. A\n' +
        'name is a service (all its replicas), a replica, the Envoy of either (orders.envoy), edge, control-plane or postgres; the\n' +
        'default is the supervisor. Envoys log their calls. --json prints one object per line: process, time, and either the fields\n' +
        'of a JSON line or the text.',
    )
    .argument('[names...]', 'for example orders, orders-0, orders.envoy or edge (default: the supervisor)')
    .option('-f, --follow', 'keep showing new lines', false)
    .addOption(
      new Option(
        '-n, --lines <count>',
        'the maximum number of past lines (default: 50, or all with --since)',
      ).argParser(parseCount),
    )
    .addOption(
      new Option(
        '--since <time>',
        'only lines logged since then: 5m for five minutes ago, or 2026-01-31T12:00:00Z',
      ).argParser(parseSince),
    )
    .addOption(new Option('--grep <regex>', 'only lines whose original text matches').argParser(parseRegex))
    .addOption(jsonOption())
    .addOption(stateOption())
    .action(async (names: readonly string[], options: LogOptions & { follow: boolean; state?: string }) => {
      const directory = chosenState(options.state).log;
      // The logs of a stopped mesh stay readable. Without any log, no mesh has run here.
      if (logNames(directory).length === 0) throw notRunning();
      const logs = new ShownLogs(directory, names.length > 0 ? names : [supervisorLog], options);
      print(await logs.past());
      if (!options.follow) return;
      for await (const lines of logs.more()) print(lines);
    });
}

function print(lines: readonly string[]): void {
  if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`);
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 0 || count > 100_000)
    throw new InvalidArgumentError('It must be from 0 to 100000.');
  return count;
}

/** Epoch milliseconds. */
function parseSince(text: string): number {
  const agoMs = parseDuration(text);
  const time = agoMs === undefined ? Date.parse(text) : Date.now() - agoMs;
  if (Number.isNaN(time))
    throw new InvalidArgumentError('It must be how long ago (5m) or a time (2026-01-31T12:00:00Z).');
  return time;
}

function parseRegex(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new InvalidArgumentError('It must be a regular expression.');
  }
}
