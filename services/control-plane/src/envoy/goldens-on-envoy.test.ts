import test from 'ava';
import { assemble } from '../assembly/assemble.ts';
import { goldenFiles, goldenNames } from '../goldens.fixture.ts';
import type { WorkloadId } from '../model/mesh.ts';
import { parseDirectory } from '../sources/parse-directory.ts';
import type { Snapshot } from '../xds/resource.ts';
import { snapshotFor } from './snapshot.ts';
import { runControlPlane } from './testing/running-control-plane.ts';

// Golden outputs say what we mean; a running Envoy says whether it is one's to take.
test('every golden output is acknowledged by a running Envoy', async (t) => {
  t.timeout(60_000);
  const id: WorkloadId = 'golden/proxy';
  let snapshot: Snapshot | undefined;
  const controlPlane = await runControlPlane({
    snapshot: () => snapshot,
    workload: () => ({ id, spiffeId: 'spiffe://weft.local/ns/golden/sa/proxy' }),
  });
  t.teardown(() => controlPlane.stop());
  let started = false;
  for (const name of goldenNames()) {
    const mesh = assemble(parseDirectory(goldenFiles(name)));
    for (const workload of mesh.workloads.keys()) {
      snapshot = snapshotFor(mesh, workload);
      if (started) await controlPlane.push({ proxies: new Set([id]), endpointsOnly: false });
      else await controlPlane.startProxy(id);
      started = true;
      t.deepEqual(
        controlPlane.nacks.map(({ names, message }) => `${names.join(', ')}: ${message}`),
        [],
        `${name}: ${workload}`,
      );
    }
  }
  t.true(started);
});
