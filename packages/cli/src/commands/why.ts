import { toJson } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { type WhyResponse, WhyResponseSchema } from '@weft/api/weft/api/v1/mesh';
import { parseDuration } from '@weft/compiler/facts/duration';
import { Command } from 'commander';
import { CommandError } from '../command-error.ts';
import { askMemory } from '../memory-client.ts';
import { mergeExplanations } from '../mesh/merge-memory.ts';
import { addProtoLines } from '../mesh/proto-lines.ts';
import type { MeshChoice } from '../mesh-choice.ts';
import { findProject, type Project } from '../project.ts';
import { type Paint, paintFor } from '../terminal/style.ts';
import { localTime } from './history.ts';
import { clusterOption, jsonOption, namespaceOption, stateOption } from './options.ts';

/** `weft why`: explains what happens to a call, hop by hop. */
export function whyCommand(): Command {
  return new Command('why')
    .description(
      'Explains a call hop by hop: listener, route, policy and the file it came from, cluster, endpoints, certificates, and whether\n' +
        'the call is allowed. For a refused call, also names the line that would change that. The exit code is 0 either way, and 1\n' +
        'when a name does not exist in the mesh.',
    )
    .argument('<caller>', 'the caller: bakery.orders, orders, edge, bakery/orders or bakery/orders-0')
    .argument(
      '<method>',
      'the called method: bakery.payments.v1.PaymentService/Authorize, payments/Authorize, or Authorize if no other is named so',
    )
    .option('--at <time>', 'explain the call as of this time: 2026-01-31T12:00:00Z, or 10m for ten minutes ago')
    .addOption(jsonOption())
    .addOption(stateOption())
    .addOption(clusterOption())
    .addOption(namespaceOption())
    .action(async (caller: string, method: string, options: MeshChoice & { at?: string; json: boolean }) => {
      const at = options.at === undefined ? {} : { at: timestampFromMs(timeOf(options.at, Date.now())) };
      const said = mergeExplanations(await askMemory(options, (mesh) => mesh.why({ caller, method, ...at })));
      const project = projectHere();
      const answer = project === undefined ? said : await addProtoLines(said, project);
      if (options.json) {
        console.log(JSON.stringify(toJson(WhyResponseSchema, answer, { alwaysEmitImplicit: true }), undefined, 2));
      } else {
        console.log(renderWhy(answer, paintFor(process.stdout)));
      }
      if (answer.unknown) process.exitCode = 1;
    });
}

/** The project around the current directory, if there is one. */
function projectHere(): Project | undefined {
  try {
    return findProject();
  } catch {
    return undefined;
  }
}

/** Formats an explanation for the terminal: the verdict, then the path of the call. */
export function renderWhy({ allowed, verdict, advice, steps, revision }: WhyResponse, paint: Paint): string {
  const lines = [paint(allowed ? 'green' : 'red', verdict)];
  if (advice !== '') lines.push(`  ${allowed ? '' : 'to change that: '}${advice}`);
  for (const { name, summary, values } of steps) {
    lines.push('', `${paint('bold', name)}  ${summary}`);
    const width = Math.max(0, ...values.map((value) => value.name.length));
    for (const value of values) {
      const source = value.source === '' ? '' : paint('dim', `  (${value.source})`);
      lines.push(`  ${value.name.padEnd(width)}  ${value.value}${source}`);
    }
  }
  if (revision?.at)
    lines.push('', paint('dim', `revision ${revision.id}, pushed ${localTime(timestampMs(revision.at))}`));
  return lines.join('\n');
}

/** A time, or a duration before now; in milliseconds since the epoch. */
export function timeOf(text: string, nowMs: number): number {
  const agoMs = parseDuration(text);
  const timeMs = agoMs === undefined ? Date.parse(text) : nowMs - agoMs;
  if (Number.isNaN(timeMs)) {
    throw new CommandError(`--at ${text} must be a time (2026-01-31T12:00:00Z) or how long ago (10m).`);
  }
  return timeMs;
}
