import { CommandError, reasonOf } from '../command-error.ts';
import type { RunningService } from './running-service.ts';
import { checkStartable, type ServiceProcess } from './service-process.ts';

/** A replica whose process somebody else runs, behind the replica's Envoy. */
export interface Loan extends ServiceProcess {
  /** "orders-0". */
  readonly replica: string;
  /** Ends the loan: the mesh runs the process again if it did before. */
  readonly end: () => void;
}

const lent = new WeakSet<RunningService>();

/**
 * Stops a service's own processes and lends its first replica. The other replicas get no calls meanwhile, so that every call goes to the
 * borrower. `command` is what the borrower will run; empty: the service's own command.
 *
 * @throws CommandError for a service that is lent already or has no replicas, and for a command that cannot be started. The service's
 * own processes then keep running.
 */
export async function lendService(running: RunningService, command: readonly string[]): Promise<Loan> {
  const { service, replicas } = running;
  const [first] = replicas;
  if (lent.has(running)) {
    throw new CommandError(`${service.name} already runs under another \`weft run\`; stop that one first.`);
  }
  if (!first) {
    throw new CommandError(`${service.name} has no replicas; \`weft scale ${service.name}=1\` gives it one.`);
  }
  try {
    if (command.length === 0) checkStartable(first.process, service.file);
    else checkStartable({ ...first.process, command }, service.file, 'correct it');
  } catch (error) {
    throw new CommandError(`\`weft run ${service.name}\` does not start: ${reasonOf(error)}`);
  }
  lent.add(running);
  await Promise.all(replicas.map((replica) => replica.withhold('`weft run` has taken its place')));
  first.lend();
  return {
    ...first.process,
    replica: first.name,
    end: () => {
      lent.delete(running);
      for (const replica of replicas) replica.takeBack(running.withheld);
    },
  };
}
