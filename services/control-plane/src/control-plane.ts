import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { meshMemory, pinMessage } from './api/mesh-memory.ts';
import { createReflection, reflectionPaths } from './api/reflection.ts';
import { checkPath, createRefusals } from './api/refusals.ts';
import { answerWhy } from './api/why.ts';
import { assemble } from './assembly/assemble.ts';
import { readContract } from './contracts/read-contract.ts';
import { createCompiler } from './envoy/compiler.ts';
import { Memory } from './history/memory.ts';
import { readExternalRoot } from './identity/external-root.ts';
import { LocalTokens } from './identity/local-tokens.ts';
import { RootDirectory } from './identity/root-directory.ts';
import { RootRotation } from './identity/root-rotation.ts';
import { keepServerCertificate, serverCertificate } from './identity/server-certificate.ts';
import { unacknowledged } from './identity/unacknowledged.ts';
import { WorkloadIdentities } from './identity/workload-identities.ts';
import { MeshClock } from './mesh-policy/mesh-clock.ts';
import { auditOverrides } from './mesh-policy/override-audit.ts';
import type { Problem } from './model/problem.ts';
import type { SocketAddress } from './model/workload.ts';
import { Snapshots } from './snapshots.ts';
import { openDirectory } from './sources/directory.ts';
import type { ContractFact, Facts } from './sources/facts.ts';
import { LastGoodStore } from './sources/last-good-store.ts';
import { meshStatus } from './status/mesh-status.ts';
import { nackSource } from './status/nack-source.ts';
import { openProblemLog } from './status/problem-store.ts';
import { version } from './version.ts';
import { createDelivery } from './xds/delivery.ts';
import { type AuthenticatedMethod, serveXds } from './xds/transport.ts';

export interface ControlPlaneOptions {
  readonly meshDirectory: string;
  readonly stateDirectory: string;
  /** Holds the root's key and certificate, and what Envoy needs of it; in the state directory. */
  readonly rootDirectory: string;
  /** Where an authority comes from outside: tls.key, tls.crt and ca.crt. Absent: the root is our own. */
  readonly externalRootDirectory?: string;
  /** How long files with new roots may take to reach proxies, before such a root signs. */
  readonly rootSettleMs: number;
  readonly tokensDirectory: string;
  /** Where proxies connect. */
  readonly listen: SocketAddress;
  /** Where weft.api.v1 is served: "unix:/path". */
  readonly api: string;
}

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

  const { externalRootDirectory } = options;
  const rotation = await RootRotation.open({
    store: new RootDirectory(options.rootDirectory),
    ...(externalRootDirectory === undefined ? {} : { external: () => readExternalRoot(externalRootDirectory) }),
    waitingFor: () => unacknowledged(delivery, identities.rootSecret.version),
    settleMs: options.rootSettleMs,
    lifetimeMs: () => snapshots.mesh?.settings.certificateLifetimeMs ?? 0,
    onChange: (roots) => {
      snapshots.setRoots(roots);
      certificate.renew();
    },
    log,
  });
  const root = rotation.signer;
  const identities = new WorkloadIdentities({ root, onRenewal: (workloads) => snapshots.renewed(workloads) });
  identities.setRoots(rotation.roots);
  const snapshots = new Snapshots(createCompiler(), identities);
  const delivery = createDelivery({ snapshots, log });
  const tokens = new LocalTokens({
    directory: options.tokensDirectory,
    onRevoked: (workload) => delivery.drop(workload),
  });
  await tokens.open();

  let reported: readonly Problem[] = [];
  const report = (found: readonly Problem[]) => {
    reported = found;
    const all = [...found, ...memory.problems()];
    for (const problem of problems.update(all)) log.warn(problem, 'something in the mesh was not understood');
  };
  let live: Facts | undefined;
  const memory = await Memory.open({
    directory: join(options.stateDirectory, 'history'),
    onProblem: () => report(reported),
    onPin: () => live && onFacts(live),
  });
  memory.listen(delivery);
  const clock = new MeshClock();
  const onFacts = (found: Facts) => {
    live = found;
    const facts = memory.effective(found);
    try {
      const mesh = assemble(facts, snapshots.mesh, Date.now());
      clock.set(mesh.nextChangeMs, () => onFacts(found));
      for (const { message, fields } of auditOverrides(snapshots.mesh, mesh)) log.warn(fields, message);
      report(mesh.problems);
      memory.record(facts, mesh);
      for (const gone of snapshots.take(mesh)) delivery.drop(gone);
    } catch (error) {
      // A bug of ours in one resource must not take the mesh down: the proxies keep what they have.
      log.error({ err: error }, 'the mesh could not be compiled');
      const message = 'the mesh could not be compiled; what was compiled before goes on serving';
      report([...facts.problems, { resource: 'the control plane', message, advice: 'the error is in its log' }]);
    }
  };
  const store = new LastGoodStore(join(options.stateDirectory, 'last-good'));
  const accepts = (contract: ContractFact) => readContract(contract).version !== undefined;
  const source = await openDirectory({ directory: options.meshDirectory, store, accepts, onFacts });

  delivery.onNack(({ workload, typeUrl, names, message }) => {
    const from = snapshots.mesh === undefined ? '' : nackSource(snapshots.mesh, names);
    log.error(
      { workload, typeUrl, resources: names, source: from, reason: message },
      'what a proxy refused comes from here',
    );
  });
  const refusals = createRefusals({
    mesh: () => snapshots.mesh,
    onFirst: ({ caller, message, advice }, path, workload) => log.warn({ workload, caller, path, advice }, message),
  });
  const methods = new Map<string, AuthenticatedMethod>([[checkPath, refusals.method]]);
  const reflection = createReflection(() => snapshots.mesh);
  for (const path of reflectionPaths) methods.set(path, reflection);

  const tls = serverCertificate(root);
  const authenticate = tokens.authenticate.bind(tokens);
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
      certificateNotAfterMs: (workload) => identities.notAfterMs(workload),
      ...(memory.pin ? { pin: pinMessage(memory.pin) } : {}),
    });
  };
  const why = answerWhy({
    memory,
    now: () => memory.now,
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
    certificate.stop();
    clock.close();
    delivery.close();
    identities.close();
    tokens.close();
    await Promise.all([xds.close(), rotation.close(), source.close(), problems.close(), memory.close()]);
    log.info('stopped');
  });
  await serve({ name: 'weft-control-plane', services: [api], listen: options.api, drainMs: 0, finishMs: 1000 });
  if (options.api.startsWith('unix:')) await chmod(options.api.slice('unix:'.length), 0o600);
  log.info(
    { version, xds: `${options.listen.host}:${xds.port}`, workloads: snapshots.mesh?.workloads.size ?? 0 },
    'ready',
  );
}
