import { setTimeout as sleep } from 'node:timers/promises';
import { inboundName } from '@weft/compiler/envoy/names';
import { requestAdmin } from '@weft/dev-envoy';
import { type ListenAddress, listenText } from './listen-address.ts';

const pollMs = 20;
/**
 * How long an Envoy may take to learn a new address of its application. An edit is lost where it takes longer, and on a busy machine
 * the control plane may wait for its turn.
 */
const moveMs = 30_000;
/** How long calls that the old application works on may take; the kit cuts them off after as long. */
const finishMs = 10_000;

/** The inbound port of a sidecar, to be asked where it sends its calls. */
export interface InboundTraffic {
  readonly adminSocket: string;
  readonly port: number;
}

/**
 * Resolves when an Envoy sends new calls to the application that listens at `address`, with true; with false when it
 * does not within 30 s or does not answer, or `signal` is aborted.
 */
export function moved(traffic: InboundTraffic, address: ListenAddress, signal: AbortSignal): Promise<boolean> {
  const host = 'path' in address ? address.path : listenText(address);
  return until(moveMs, signal, async () => [...(await connectionsByHost(traffic)).keys()].includes(host));
}

/**
 * Resolves when an Envoy has no connection left to the applications that it called before, with true; with false when some remain
 * after 10 s. A connection to an application that was replaced ends with its last call.
 */
export function drained(traffic: InboundTraffic, signal: AbortSignal): Promise<boolean> {
  return until(finishMs, signal, async () => {
    const hosts = await connectionsByHost(traffic);
    const current = [...hosts.values()].reduce((sum, connections) => sum + connections, 0);
    return (await allConnections(traffic)) <= current;
  });
}

async function until(timeoutMs: number, signal: AbortSignal, holds: () => Promise<boolean>): Promise<boolean> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    if (await holds().catch(() => false)) return true;
    if (signal.aborted || Date.now() > end) return false;
    await sleep(pollMs);
  }
}

/** Connections to the application as the Envoy knows it now, by host. */
async function connectionsByHost({ adminSocket, port }: InboundTraffic): Promise<ReadonlyMap<string, number>> {
  const clusters = await requestAdmin({ socketPath: adminSocket, path: '/clusters', timeoutMs: 1_000 });
  const prefix = `${inboundName(port)}::`;
  const hosts = clusters.split('\n').flatMap((line) => {
    const match = line.startsWith(prefix) ? /^(.+)::cx_active::(\d+)$/.exec(line.slice(prefix.length)) : null;
    return match?.[1] === undefined ? [] : [[match[1], Number(match[2])] as const];
  });
  return new Map(hosts);
}

/** Connections to the application, those to hosts that it does not have any more with them: statistics go by the cluster's name. */
async function allConnections({ adminSocket, port }: InboundTraffic): Promise<number> {
  const filter = encodeURIComponent(`^cluster\\.${inboundName(port).replace('|', '\\|')}\\.upstream_cx_active$`);
  const stats = await requestAdmin({ socketPath: adminSocket, path: `/stats?filter=${filter}`, timeoutMs: 1_000 });
  return Number(/: (\d+)$/m.exec(stats)?.[1] ?? 0);
}
