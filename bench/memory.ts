/**
 * How much configuration a real sidecar holds that calls three services, in a mesh of 20 services and in one of 500: the bytes of
 * its own config_dump, endpoints included. The goal is that the size of the mesh makes no difference.
 */
import { join } from 'node:path';
import { type BootstrapOptions, bootstrap } from '@weft/compiler/envoy/bootstrap';
import { findEnvoy, startEnvoy } from '@weft/dev-envoy';
import { freePorts } from '../services/control-plane/src/on-envoy/testing/free-ports.ts';
import { Cleanup } from './cleanup.ts';
import { ControlPlaneProcess } from './control-plane-process.ts';
import { residentMegabytes } from './process-usage.ts';
import { namespace, type SyntheticPlan, syntheticMesh } from './synthetic-mesh.ts';

interface Held {
  readonly configBytes: number;
  readonly clusters: number;
  readonly allocatedBytes: number;
  readonly residentMegabytes: number;
}

const found = new Map<number, Held>();
for (const services of [20, 500]) {
  const held = await measure({ services, methods: 20, replicas: 1, callees: 3 });
  found.set(services, held);
  const { configBytes, clusters, allocatedBytes, residentMegabytes } = held;
  console.log(
    `${String(services).padStart(3)} services: ${configBytes} bytes of configuration, ${clusters} clusters, ` +
      `${(allocatedBytes / 1e6).toFixed(2)} MB allocated, ${residentMegabytes.toFixed(0)} MB resident`,
  );
}
const ratio = (of: (held: Held) => number) => {
  const [few, many] = [found.get(20), found.get(500)];
  return few && many ? (of(many) / of(few)).toFixed(2) : 'NaN';
};
console.log(`ratio memory/allocated-500-to-20 ${ratio((held) => held.allocatedBytes)}`);
console.log(`ratio memory/500-to-20 ${ratio((held) => held.configBytes)}`);

async function measure(plan: SyntheticPlan): Promise<Held> {
  const cleanup = new Cleanup();
  try {
    const dir = await cleanup.directory('bench-memory-');
    // In the middle of ten, so that its name and its callees' are as long in both meshes; its own outbound port is free.
    const name = 's12-0';
    const mesh = syntheticMesh(plan);
    const [inbound = 0, outbound = 0] = await freePorts(2);
    const path = `${namespace}/workloads/${name}.yaml`;
    const manifest = Buffer.from(mesh.files.get(path) ?? []).toString();
    const ownPorts = manifest.replace('127.0.0.1:20001', `127.0.0.1:${inbound}`).replace(':20002', `:${outbound}`);
    mesh.files.set(path, Buffer.from(ownPorts));
    const workload = `${namespace}/${name}` as const;
    const controlPlane = await ControlPlaneProcess.prepare(dir, mesh.files, [workload]);
    cleanup.teardown(() => controlPlane.kill());
    await controlPlane.start();
    const options: BootstrapOptions = {
      workload,
      controlPlane: { host: '127.0.0.1', port: controlPlane.port },
      rootSdsPath: join(dir, 'state/root/ca-sds.yaml'),
      tokenPath: join(dir, 'tokens', workload),
      adminSocket: join(dir, 'admin'),
    };
    const envoy = await startEnvoy({
      envoy: (await findEnvoy()).path,
      bootstrap: Object(bootstrap(options)),
      dir: join(dir, 'envoy'),
      log: (line) => line.includes('[warning]') || console.error(line),
    });
    cleanup.teardown(() => envoy.kill());
    for (let left = 400; !(await envoy.admin('/ready').catch(() => '')).startsWith('LIVE'); left--) {
      if (left === 0) throw new Error('memory: Envoy does not become ready');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const dump = await envoy.admin('/config_dump?include_eds');
    const statuses: { cluster_statuses: readonly object[] } = JSON.parse(await envoy.admin('/clusters?format=json'));
    const memory: { allocated: string } = JSON.parse(await envoy.admin('/memory'));
    return {
      configBytes: Buffer.byteLength(JSON.stringify(JSON.parse(dump, withoutTimes))),
      clusters: statuses.cluster_statuses.length,
      allocatedBytes: Number(memory.allocated),
      residentMegabytes: residentMegabytes(envoy.pid),
    };
  } finally {
    await cleanup.run();
  }
}

/** When something was updated has as many digits as it happens to have. */
function withoutTimes(key: string, value: unknown): unknown {
  return key === 'last_updated' ? undefined : value;
}
