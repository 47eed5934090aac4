import { requestAdmin } from '@weft/dev-envoy';
import { accepts } from './accepts.ts';

/** Statistics of the listeners, and of each route configuration that a listener names. */
const filter = encodeURIComponent('(listener_manager\\.lds|\\.rds\\..*)\\.update_(success|rejected)$');

/**
 * What an Envoy still needs before it can serve at `port` of 127.0.0.1; empty if it needs nothing. An open port is not enough: Envoy opens
 * a listener even if it rejected the routes, and then answers 404 to everything. Never rejects.
 */
export async function missingConfiguration(adminSocket: string, port: number): Promise<string> {
  if (!(await accepts(port))) return 'waits for its configuration';
  try {
    const path = `/stats?filter=${filter}`;
    return missingIn(await requestAdmin({ socketPath: adminSocket, path, timeoutMs: 1_000 }));
  } catch {
    return 'does not answer';
  }
}

/** The same, from the statistics alone. */
export function missingIn(statistics: string): string {
  const counts = new Map(
    [...statistics.matchAll(/^(.+)\.update_(success|rejected): (\d+)$/gm)].map(([, name, what, count]) => [
      `${what} ${name}`,
      Number(count),
    ]),
  );
  const has = (what: 'success' | 'rejected', name: string) => (counts.get(`${what} ${name}`) ?? 0) > 0;
  const listeners = 'listener_manager.lds';
  if (!has('success', listeners)) {
    return has('rejected', listeners) ? 'refuses its listeners' : 'waits for its listeners';
  }
  // The routes of a headless service's replicas concern only that service, so they must not keep its callers from starting.
  const routes = [...counts.keys()].flatMap((key) => /^success (.+\.rds\.(?!direct\|).+)$/.exec(key)?.[1] ?? []);
  if (routes.length === 0) return 'waits for its routes';
  const missing = routes.find((name) => !has('success', name));
  if (missing === undefined) return '';
  const words = missing.slice(missing.indexOf('.rds.') + '.rds.'.length);
  return `${has('rejected', missing) ? 'refuses' : 'waits for'} its routes ${words}`;
}
