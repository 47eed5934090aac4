import { existsSync, readdirSync } from 'node:fs';

const suffix = '.log';

/** The processes that have a log in a directory, such as `orders-0` or `orders-0.envoy`, sorted. Empty if there is no directory. */
export function logNames(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((file) => file.endsWith(suffix))
    .map((file) => file.slice(0, -suffix.length))
    .sort();
}

/** Every name that `logsNamed` understands, to suggest one for an unknown name. */
export function allLogNames(logs: readonly string[]): readonly string[] {
  return [...new Set(logs.flatMap((log) => [log, log.replace(replica, '$<service>$<envoy>')]))].sort();
}

/**
 * The logs that a name means: a process (`orders-0`, `edge`), all replicas of a service (`orders`), or the Envoys beside them
 * (`orders.envoy`, `orders-0.envoy`). A namespace before a slash is ignored, as in `bakery/orders-0`. Empty: no log has that name.
 */
export function logsNamed(name: string, logs: readonly string[]): readonly string[] {
  const short = name.slice(name.lastIndexOf('/') + 1);
  if (logs.includes(short)) return [short];
  return logs.filter((log) => {
    const { service, envoy } = replica.exec(log)?.groups ?? {};
    return service !== undefined && `${service}${envoy}` === short;
  });
}

const replica = /^(?<service>.+)-\d+(?<envoy>(?:\.envoy)?)$/;
