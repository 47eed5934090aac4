/**
 * How long a unary call takes through two mTLS sidecars as the control plane programs them, against the same two Envoys with the
 * smallest static mTLS configuration, and against no Envoy at all. One call at a time, the three in turn; the application is one
 * process for all. Every figure holds the client and the application too, which are the same on all sides.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { CatalogService, GetProductRequestSchema } from '@weft/test-contracts/bakery/catalog/v1/catalog';
import { frameMessage } from '@weft/service-kit/grpc';
import { MeshProcess } from '../services/control-plane/src/mesh-process.fixture.ts';
import { freePorts } from '../services/control-plane/src/on-envoy/testing/free-ports.ts';
import { Cleanup } from './cleanup.ts';
import type { LatencyPlan, LatencyReport } from './latency-client.ts';
import { median, quantile } from './pairs.ts';
import { cpuMicros } from './process-usage.ts';
import { startStaticSidecars } from './static-sidecars.ts';

const cleanup = new Cleanup();
try {
  const mesh = await MeshProcess.open(cleanup);
  const [catalog, orders] = await Promise.all([mesh.addReplica('catalog'), mesh.addReplica('orders')]);
  await startApplication(catalog.application);
  const [outbound = 0, inbound = 0] = await freePorts(2);
  const dir = await cleanup.directory('bench-sidecar-');
  const application = catalog.application.slice('unix:'.length);
  const statics = await startStaticSidecars({ dir: join(dir, 'static'), outbound, inbound, application });
  cleanup.teardown(() => statics.stop());
  await mesh.untilServing('catalog', 'orders');
  for (const envoy of statics.envoys) await untilLive(() => envoy.admin('/ready'));

  const envoys = {
    weft: ['orders', 'catalog'].map((name) => mesh.envoy(name).pid),
    static: statics.envoys.map(({ pid }) => pid),
  };
  const used = { weft: cpuMicros(...envoys.weft), static: cpuMicros(...envoys.static) };
  const calls = Number(process.env.CALLS ?? 10_000);
  const report = await measure({
    path: `/${CatalogService.typeName}/GetProduct`,
    authority: 'bakery.catalog',
    body: Buffer.from(
      frameMessage(toBinary(GetProductRequestSchema, create(GetProductRequestSchema, { sku: 'WFT-0001' }))),
    ).toString('base64'),
    places: { weft: orders.outbound, static: `127.0.0.1:${outbound}`, none: catalog.application },
    calls,
    block: 50,
  });
  for (const [name, ms] of Object.entries(report)) {
    console.log(`${name.padEnd(7)} p50 ${median(ms).toFixed(3)}  p99 ${quantile(ms, 0.99).toFixed(3)} ms`);
  }
  const cpu = { weft: cpuMicros(...envoys.weft) - used.weft, static: cpuMicros(...envoys.static) - used.static };
  // With the calls of the warm-up, a fifth.
  for (const [name, micros] of Object.entries(cpu)) {
    console.log(`${name.padEnd(7)} CPU of both Envoys ${(micros / (1.2 * calls)).toFixed(0)} us a call`);
  }
  const ratio = (name: string, share: number) =>
    (quantile(report.weft ?? [], share) / quantile(report[name] ?? [], share)).toFixed(2);
  console.log(`ratio sidecar/none-p50 ${ratio('none', 0.5)}`);
  console.log(`ratio sidecar/static-cpu ${(cpu.weft / cpu.static).toFixed(2)}`);
  console.log(`ratio sidecar/static-p50 ${ratio('static', 0.5)}`);
  console.log(`ratio sidecar/static-p99 ${ratio('static', 0.99)}`);
} finally {
  await cleanup.run();
}

async function startApplication(address: string): Promise<void> {
  const child = fork(new URL('./trivial-catalog.ts', import.meta.url), [address], {
    env: { ...process.env, LOG_LEVEL: 'silent' },
  });
  cleanup.teardown(() => child.disconnect());
  await once(child, 'message');
}

async function measure(plan: LatencyPlan): Promise<LatencyReport> {
  const child = fork(new URL('./latency-client.ts', import.meta.url), [JSON.stringify(plan)]);
  const exited = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the client ended with ${code}`)));
  const [report] = await Promise.race([once(child, 'message'), exited]);
  exited.catch(() => {});
  return report;
}

async function untilLive(ready: () => Promise<string>): Promise<void> {
  for (let left = 200; left > 0; left--) {
    if ((await ready().catch(() => '')).startsWith('LIVE')) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('sidecar: a static Envoy does not start');
}
