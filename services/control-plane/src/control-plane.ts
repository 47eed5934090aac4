import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { readContract } from '@weft/compiler/contracts/read-contract';
import { createCompiler } from '@weft/compiler/envoy/compiler';
import type { Facts } from '@weft/compiler/facts/facts';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { Override } from '@weft/compiler/model/override';
import type { Problem } from '@weft/compiler/model/problem';
import { workloadRef } from '@weft/compiler/model/resource-ref';
import type { SocketAddress } from '@weft/compiler/model/workload';
import { assemble } from '@weft/compiler/translation/assemble';
import { meshMemory, pinMessage } from './api/mesh-memory.ts';
import { PlainTextCalls } from './api/plain-text-calls.ts';
import { createReflection, reflectionPaths } from './api/reflection.ts';
import type { Refusal } from './api/refusal.ts';
import { checkPath, createRefusals } from './api/refusals.ts';
import { createRefusedConnections, refusedConnectionsPath } from './api/refused-connections.ts';
import { answerWhy } from './api/why.ts';
import type { Environment } from './environment/environment.ts';
import { Memory } from './history/memory.ts';
import { readExternalRoot } from './identity/external-root.ts';
import { RootRotation } from './identity/root-rotation.ts';
import { keepServerCertificate, serverCertificate } from './identity/server-certificate.ts';
import { unacknowledged } from './identity/unacknowledged.ts';
import { WorkloadIdentities } from './identity/workload-identities.ts';
import { MeshClock } from './mesh-clock.ts';
import { Snapshots } from './snapshots.ts';
import { meshStatus } from './status/mesh-status.ts';
import { nackSource } from './status/nack-source.ts';
import { auditOverrides } from './status/override-audit.ts';
import { openProblemLog } from './status/problem-store.ts';
import { version } from './version.ts';
import { WholeMesh } from './wiring/whole-mesh.ts';
import { createDelivery } from './xds/delivery.ts';
import { type AuthenticatedMethod, serveXds } from './xds/transport.ts';

export interface ControlPlaneOptions {
  /** Where it runs: a directory of local processes, or a cluster. */
  readonly environment: Environment;
  readonly stateDirectory: string;
  /** Where an authority comes from outside: tls.key, tls.crt and ca.crt. Absent: the root is our own. */
  readonly externalRootDirectory?: string;
  /** How long files with new roots may take to reach proxies, before such a root signs. */
  readonly rootSettleMs: number;
  /** Where proxies connect. */
  readonly listen: SocketAddress;
  /** Where weft.api.v1 is served: "unix:/path", or an address and a port. */
  readonly api: string;
}

const atLog = 'the error is in the log of the control plane';

/**
 * Runs the control plane in this process: source, assembly, compiler, delivery and API, wired one after the other. Resolves once
 * it serves; SIGTERM then ends the streams and the process. Rejects when it cannot start; see startup-message.ts.
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<void> {
  const startedAtMs = Date.now();
  // The kit's server is the slowest to load; it does so while everything else starts.
  const kit = Promise.all([import('@weft/service-kit'), import('./api/mesh-service.ts')]);
  kit.catch(() => undefined);

  const [{ logger, onShutdown, serve }, { meshService }] = await kit;
  const log = logger();
  const problems = await openProblemLog(join(options.stateDirectory, 'problems.json'));

  const { environment, externalRootDirectory } = options;
  const rotation = await RootRotation.open({
    store: environment.rootStore,
    handoverMs: environment.handoverMs,
    decides: () => environment.decides(),
    ...(externalRootDirectory === undefined ? {} : { external: () => readExternalRoot(externalRootDirectory) }),
    waitingFor: async (bundle) => [...unacknowledgedHere(), ...(await environment.othersWaiting(bundle))],
    settleMs: options.rootSettleMs,
    lifetimeMs: () => snapshots.mesh?.settings.certificateLifetimeMs ?? 0,
    onChange: (roots) => {
      snapshots.setRoots(roots);
      certificate.renew();
      environment.rootsChanged();
    },
    log,
  });
  const unacknowledgedHere = () => unacknowledged(delivery, identities.rootSecret.version);
  const root = rotation.signer;
  const identities = new WorkloadIdentities({ root, onRenewal: (workloads) => snapshots.renewed(workloads) });
  identities.setRoots(rotation.roots);
  // A bug of ours in one resource must not take the mesh down: the proxies keep what they have.
  const failures = new Map<WorkloadId, Problem>();
  const compiler = createCompiler({
    onFailure(workload, error) {
      log.error({ err: error, workload }, 'what a proxy should hold could not be compiled');
      const message = 'what its proxy should hold could not be compiled; what it has goes on serving';
      const about = [workloadRef(workload)];
      failures.set(workload, { resource: `Workload ${workload}`, about, message, advice: atLog });
      report(reported);
    },
  });
  const snapshots = new Snapshots(compiler, identities);
  const delivery = createDelivery({ snapshots, log });
  let reported: readonly Problem[] = [];
  let overrides: readonly Override[] = [];
  const report = (found: readonly Problem[]) => {
    reported = found;
    const all = [...found, ...failures.values(), ...memory.problems()];
    for (const problem of problems.update(all)) log.warn(problem, 'something in the mesh was not understood');
    environment.report(problems.list(), overrides);
  };
  let live: Facts | undefined;
  let pushed: Facts | undefined;
  const memory = await Memory.open({
    directory: join(options.stateDirectory, 'history'),
    ...(environment.pins ? { pins: environment.pins } : {}),
    wholeFacts() {
      if (pushed === undefined) throw new Error('nothing was pushed yet');
      return pushed;
    },
    onProblem: () => report(reported),
    onPin: () => live && onFacts(live),
  });
  memory.listen(delivery);
  const wholeMesh = new WholeMesh();
  const clock = new MeshClock();
  const onFacts = (found: Facts) => {
    live = found;
    const facts = memory.effective(found);
    failures.clear();
    try {
      const mesh = assemble(facts, snapshots.mesh, Date.now());
      clock.set(mesh.nextChangeMs, () => onFacts(found));
      const turn = wholeMesh.take(facts, mesh);
      for (const { message, fields } of auditOverrides(turn.overrides)) log.warn(fields, message);
      overrides = mesh.overrides;
      report(mesh.problems);
      pushed = facts;
      memory.record(turn);
      for (const gone of snapshots.take(mesh)) delivery.drop(gone);
    } catch (error) {
      log.error({ err: error }, 'the mesh could not be assembled');
      const message = 'the mesh could not be assembled; what was before goes on serving';
      report([...facts.problems, { resource: 'the control plane', message, advice: atLog }]);
    }
  };
  await environment.open({
    log,
    onFacts,
    accepts: (contract) => readContract(contract).version !== undefined,
    drop: (workload) => delivery.drop(workload),
    bundle: () => rotation.roots.bundle,
    unacknowledged: unacknowledgedHere,
  });

  delivery.onNack(({ workload, typeUrl, names, message }) => {
    const from = snapshots.mesh === undefined ? '' : nackSource(snapshots.mesh, names);
    log.error(
      { workload, typeUrl, resources: names, source: from, reason: message },
      'what a proxy refused comes from here',
    );
  });
  const logRefusal = ({ caller, message, advice }: Refusal, path: string, workload: WorkloadId) =>
    log.warn({ workload, caller, path, advice }, message);
  const refusals = createRefusals({
    mesh: () => snapshots.mesh,
    onFirst: logRefusal,
  });
  const plainText = new PlainTextCalls();
  const refusedConnections = createRefusedConnections({
    mesh: () => snapshots.mesh,
    counts: refusals.counts,
    plainText,
    onFirst: logRefusal,
  });
  const methods = new Map<string, AuthenticatedMethod>([
    [checkPath, refusals.method],
    [refusedConnectionsPath, refusedConnections],
  ]);
  const reflection = createReflection(() => snapshots.mesh);
  for (const path of reflectionPaths) methods.set(path, reflection);

  const tls = serverCertificate(root);
  const authenticate = environment.authenticate.bind(environment);
  const xds = await serveXds({ listen: options.listen, tls, delivery, authenticate, methods, log });
  const certificate = keepServerCertificate(xds, () => rotation.signer);
  rotation.start();

  const status = () => {
    const { mesh } = snapshots;
    if (mesh === undefined) return undefined;
    return meshStatus({
      version,
      startedAtMs,
      root: rotation.status(),
      mesh,
      proxies: delivery.proxies(),
      problems: problems.list(),
      denials: refusals.counts.list(),
      plainText: plainText.list(),
      certificateNotAfterMs: (workload) => identities.notAfterMs(workload),
      ...(memory.pin ? { pin: pinMessage(memory.pin) } : {}),
    });
  };
  const why = answerWhy({
    memory,
    now: () => snapshots.mesh && pushed && { mesh: snapshots.mesh, facts: pushed },
    proxies: () => delivery.proxies(),
    certificateNotAfterMs: (workload) => identities.notAfterMs(workload),
  });
  const api = meshService({
    status,
    snapshot: (id) => snapshots.get(id),
    root: rotation,
    audit: (fields, message) => log.warn(fields, message),
    memory: meshMemory({ memory, audit: (fields, message) => log.warn(fields, message), why }),
  });
  onShutdown(async () => {
    await environment.leave();
    certificate.stop();
    clock.close();
    delivery.close();
    identities.close();
    await Promise.all([xds.close(), rotation.close(), environment.close(), problems.close(), memory.close()]);
    log.info('stopped');
  });
  await serve({ name: 'weft-control-plane', services: [api], listen: options.api, drainMs: 0, finishMs: 1000 });
  if (options.api.startsWith('unix:')) await chmod(options.api.slice('unix:'.length), 0o600);
  await environment.serving();
  log.info(
    { version, xds: `${options.listen.host}:${xds.port}`, workloads: snapshots.mesh?.workloads.size ?? 0 },
    'ready',
  );
}
