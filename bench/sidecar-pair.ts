import { join } from 'node:path';
import { MeshProcess, type Replica } from '../services/control-plane/src/mesh-process.fixture.ts';
import { freePorts } from '../services/control-plane/src/on-envoy/testing/free-ports.ts';
import type { Cleanup } from './cleanup.ts';
import { startStaticSidecars } from './static-sidecars.ts';

/** Where to call through two Envoys, and what those are. */
export interface Pair {
  /** "127.0.0.1:20002": where an application would call. */
  readonly outbound: string;
  readonly pids: readonly number[];
}

/** Both sides of the bench of sidecars, before one application. */
export interface Pairs {
  /** Two sidecars as the control plane programs them, of the services bakery.orders and bakery.catalog. */
  readonly weft: Pair;
  /** The same two Envoys with the smallest static configuration. */
  readonly static: Pair;
  readonly mesh: MeshProcess;
  readonly catalog: Replica;
}

/** Starts both. The application listens at `application` of the result's `catalog`, and must run before the first call. */
export async function startPairs(cleanup: Cleanup): Promise<Pairs> {
  const mesh = await MeshProcess.open(cleanup);
  const [catalog, orders] = await Promise.all([mesh.addReplica('catalog'), mesh.addReplica('orders')]);
  await mesh.untilServing('catalog', 'orders');
  return {
    weft: { outbound: orders.outbound, pids: ['orders', 'catalog'].map((name) => mesh.envoy(name).pid) },
    static: await staticPair(cleanup, catalog.application),
    mesh,
    catalog,
  };
}

/** Starts two static Envoys before an application, "unix:/path". */
export async function staticPair(cleanup: Cleanup, application: string): Promise<Pair> {
  const [outbound = 0, inbound = 0] = await freePorts(2);
  const dir = join(await cleanup.directory('bench-sidecar-'), 'static');
  const statics = await startStaticSidecars({ dir, outbound, inbound, application: application.slice('unix:'.length) });
  cleanup.teardown(() => statics.stop());
  for (const envoy of statics.envoys) await untilLive(() => envoy.admin('/ready'));
  return { outbound: `127.0.0.1:${outbound}`, pids: statics.envoys.map(({ pid }) => pid) };
}

async function untilLive(ready: () => Promise<string>): Promise<void> {
  for (let left = 200; left > 0; left--) {
    if ((await ready().catch(() => '')).startsWith('LIVE')) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('sidecar: a static Envoy does not start');
}
