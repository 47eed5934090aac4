import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** How an edge goes away. */
export interface DrainOptions {
  /** The unix socket of Envoy's admin interface. */
  readonly adminSocket: string;
  /** At least so long, for load balancers that have not heard of it yet. */
  readonly lingerMs: number;
  /** At most so long. */
  readonly limitMs: number;
  /** How often connections are counted. Default: 500 ms. */
  readonly everyMs?: number;
}

/** How many connections callers had when the drain ended. */
export interface Drained {
  readonly connections: number;
}

/** Of the listeners that the control plane has made, named by Envoy's statistics of connection managers; see names.ts. */
const connectionCounts = '/stats?filter=^http\\.gateway.*\\.downstream_cx_active$';

/**
 * Tells callers to take another connection (GOAWAY, `connection: close`) while new ones are still served, and waits until the last
 * has gone. Envoy itself does nothing of this on SIGTERM. Rejects when Envoy does not answer.
 */
export async function drainEdge(options: DrainOptions): Promise<Drained> {
  const { adminSocket, lingerMs, limitMs, everyMs = 500 } = options;
  const beganMs = performance.now();
  await admin(adminSocket, 'POST', '/drain_listeners?graceful&skip_exit');
  for (;;) {
    const connections = count(await admin(adminSocket, 'GET', connectionCounts));
    const spentMs = performance.now() - beganMs;
    if ((connections === 0 && spentMs >= lingerMs) || spentMs >= limitMs) return { connections };
    await sleep(everyMs);
  }
}

/** Lines of "http.gateway_edge.downstream_cx_active: 3". */
function count(stats: string): number {
  return [...stats.matchAll(/: (\d+)$/gm)].reduce((sum, [, value]) => sum + Number(value), 0);
}

function admin(socketPath: string, method: 'GET' | 'POST', path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, method, path: encodeURI(path), timeout: 5000 }, async (response) => {
      let text = '';
      for await (const piece of response.setEncoding('utf8')) text += piece;
      if (response.statusCode === 200) resolve(text);
      else reject(new Error(`Envoy answered ${method} ${path} with ${response.statusCode}: ${text.slice(0, 200)}`));
    });
    call.once('timeout', () => call.destroy(new Error(`Envoy did not answer ${method} ${path} within 5 s`)));
    call.once('error', reject);
    call.end();
  });
}
