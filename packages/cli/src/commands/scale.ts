import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { CommandError } from '../command-error.ts';
import { chosenState } from '../mesh-choice.ts';
import { notRunning, SupervisorClient } from '../supervisor/supervisor-client.ts';
import { formatDuration } from '../terminal/duration.ts';
import { jsonOption, stateOption } from './options.ts';

/** A service and its desired number of replicas. */
interface Wish {
  readonly service: string;
  readonly replicas: number;
}

/** `weft scale`: adds or removes replicas while the mesh runs. */
export function scaleCommand(): Command {
  return new Command('scale')
    .description(
      'Changes the number of replicas of services and waits until they are ready. Replicas that are removed finish their calls\n' +
        'first. The next `weft up` goes back to the number in weft.yaml.',
    )
    .argument('<service=replicas...>', 'for example cart=3', parseWishes)
    .addOption(jsonOption())
    .addOption(stateOption())
    .action(async (wishes: readonly Wish[], options: { state?: string; json: boolean }) => {
      const client = new SupervisorClient(chosenState(options.state).controlSocket);
      const work = Promise.all(wishes.map(({ service, replicas }) => client.scale(service, replicas)));
      const startedAt = Date.now();
      await (options.json ? work : withProgress(client, wishes, work));
      const status = await client.status();
      if (!status) throw notRunning();
      const names = new Set(wishes.map(({ service }) => service));
      const replicas = status.replicas.filter(({ service }) => names.has(service));
      if (options.json) {
        console.log(JSON.stringify({ replicas }, undefined, 2));
      } else {
        const took = formatDuration(Date.now() - startedAt);
        for (const { service } of wishes) {
          const own = replicas.filter((replica) => replica.service === service);
          console.log(
            `${service}: ${own.length} ready${own.length ? ` (${own.map(({ name }) => name).join(', ')})` : ''} after ${took}`,
          );
        }
      }
    });
}

/** Prints every two seconds what the command is waiting for. */
async function withProgress(client: SupervisorClient, wishes: readonly Wish[], work: Promise<unknown>): Promise<void> {
  const done = new AbortController();
  const finished = work.finally(() => done.abort());
  const tell = async (): Promise<void> => {
    for (;;) {
      await sleep(2_000, undefined, { signal: done.signal });
      const status = await client.status();
      const waiting = status?.replicas.filter(
        ({ service, ready }) => !ready && wishes.some((wish) => wish.service === service),
      );
      for (const { name, reason } of waiting ?? []) console.log(`  … ${name}: ${reason}`);
    }
  };
  tell().catch(() => undefined);
  await finished;
}

function parseWishes(text: string, before: readonly Wish[] = []): readonly Wish[] {
  const match = /^([a-z][a-z0-9-]*)=(\d{1,2})$/.exec(text);
  if (!match?.[1] || Number(match[2]) > 50)
    throw new CommandError(
      `${text} does not say how many replicas of which service; write its name and a number from 0 to 50: ${nameIn(text)}=3.`,
    );
  return [...before, { service: match[1], replicas: Number(match[2]) }];
}

/** The service that an unreadable wish probably means. */
function nameIn(text: string): string {
  return /^[a-z][a-z0-9-]*/.exec(text)?.[0] ?? 'SERVICE';
}
