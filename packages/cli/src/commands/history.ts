import { create, toJson } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { ListRevisionsResponseSchema, type Revision } from '@weft/api/weft/api/v1/mesh';
import { Command, InvalidArgumentError } from 'commander';
import { askMemory } from '../memory-client.ts';
import { mergeRevisions } from '../mesh/merge-memory.ts';
import type { MeshChoice } from '../mesh-choice.ts';
import { type Paint, paintFor } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';
import { clusterOption, jsonOption, namespaceOption, stateOption } from './options.ts';

/** `weft history`: what was pushed, why, and which proxies accepted it. */
export function historyCommand(): Command {
  return new Command('history')
    .description(
      'Shows the configurations that were pushed, newest first: what changed, and how many of the proxies that received an update\n' +
        'have acknowledged it. --json also has the answer of every proxy.',
    )
    .option('--limit <n>', 'the maximum number of revisions', positive, 20)
    .option('--no-endpoints', 'leave out revisions in which only replicas came, went or changed readiness')
    .addOption(jsonOption())
    .addOption(stateOption())
    .addOption(clusterOption())
    .addOption(namespaceOption())
    .action(async (options: MeshChoice & { limit: number; endpoints: boolean; json: boolean }) => {
      const request = { limit: options.limit, withoutEndpointsOnly: !options.endpoints };
      const answers = await askMemory(options, (mesh) => mesh.listRevisions(request));
      const revisions = mergeRevisions(answers.map(({ revisions }) => revisions)).slice(0, options.limit);
      const answer = create(ListRevisionsResponseSchema, { revisions, kept: answers[0].kept });
      if (options.json) {
        console.log(
          JSON.stringify(toJson(ListRevisionsResponseSchema, answer, { alwaysEmitImplicit: true }), undefined, 2),
        );
      } else {
        console.log(renderHistory(answer.revisions, paintFor(process.stdout)));
      }
    });
}

/** Formats revisions for the terminal: one line each, followed by what proxies rejected. */
export function renderHistory(revisions: readonly Revision[], paint: Paint): string {
  if (revisions.length === 0) return 'Nothing has been pushed yet.';
  const titles = ['REVISION', 'PUSHED', 'TAKEN', 'CAUSE'].map((title) => paint('bold', title));
  const rows = revisions.map(({ id, at, sent, acknowledged, causes, endpointsOnly }) => {
    const taken = sent === 0 ? '-' : `${acknowledged}/${sent}`;
    const cause = shorten(causes);
    return [
      id,
      at ? localTime(timestampMs(at)) : '',
      sent === acknowledged ? taken : paint('yellow', taken),
      endpointsOnly ? paint('dim', cause) : cause,
    ];
  });
  const nacks = revisions.flatMap(({ id, answers }) =>
    answers.flatMap(({ workload, nack }) =>
      nack === '' ? [] : `${id} ${paint('red', `refused by ${workload}`)}: ${nack}`,
    ),
  );
  return [table([titles, ...rows]), ...nacks].join('\n');
}

function shorten(causes: readonly string[]): string {
  const shown = causes.slice(0, 3);
  return shown.length < causes.length ? `${shown.join('; ')}; ${causes.length - 3} more` : shown.join('; ');
}

/** To the second, in the user's time zone. */
export function localTime(ms: number): string {
  return new Date(ms).toLocaleString('sv-SE');
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 10_000) throw new InvalidArgumentError('must be 1 to 10000');
  return value;
}
