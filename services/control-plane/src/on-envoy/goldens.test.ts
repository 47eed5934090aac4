import type { Snapshot } from '@weft/compiler/envoy/resource';
import { goldenFiles, goldenNames } from '@weft/compiler/goldens.fixture';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import { DirectoryCompiler } from '@weft/compiler/testing/directory-compiler';
import test from 'ava';
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
    const compiler = new DirectoryCompiler({ files: goldenFiles(name) });
    for (const workload of compiler.mesh.workloads.keys()) {
      snapshot = compiler.snapshot(workload);
      if (started) await controlPlane.push([id]);
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
