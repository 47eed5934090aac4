import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { isProbe } from '@weft/compiler/envoy/listener-probe';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { SocketAddress } from '@weft/compiler/model/workload';
import { apiLimits } from './api/api-limits.ts';
import { ExceededBudgets } from './budget/exceeded-budgets.ts';
import type { Environment } from './environment/environment.ts';
import { ClaimFile } from './history/claim-file.ts';
import { KeptClaims } from './history/kept-claims.ts';
import { Memory } from './history/memory.ts';
import { checkTrustDomain, readExternalRoot, trustDomainProblem } from './identity/external-root.ts';
import { RootRotation } from './identity/root-rotation.ts';
import { keepServerCertificate, serverCertificate } from './identity/server-certificate.ts';
import { unacknowledged } from './identity/unacknowledged.ts';
import { WorkloadIdentities } from './identity/workload-identities.ts';
import { asideFile } from './quarantine/aside-store.ts';
import { firstCallWaitMs } from './refusals/first-calls.ts';
import { OtherReplicas } from './replicas/other-replicas.ts';
import { orReplica } from './replicas/replica-token.ts';
import { nackSource } from './status/nack-source.ts';
import { openProblemLog } from './status/problem-store.ts';
import { version } from './version.ts';
import { liveMesh } from './wiring/live-mesh.ts';
import { meshApi } from './wiring/mesh-api.ts';
import { ProblemReport } from './wiring/problem-report.ts';
import { proxyCalls } from './wiring/proxy-calls.ts';
import { serveXds } from './xds/transport.ts';

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

/**
 * Runs the control plane in this process. Its parts are made in the order in which they need each other; whoever has to hear of a later
 * part is given it by `follow`, and nothing moves before all of them are there. Resolves once it serves; SIGTERM then ends the streams
 * and the process. Rejects when it cannot start; see startup-message.ts.
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<void> {
  const startedAtMs = Date.now();
  // The kit's server is the slowest to load; it does so while everything else starts.
  const kit = Promise.all([import('@weft/service-kit'), import('./api/mesh-service.ts')]);
  kit.catch(() => undefined);
  const [{ logger, onShutdown, serve }, { meshService }] = await kit;
  const log = logger();
  const { environment } = options;

  const problems = await openProblemLog(join(options.stateDirectory, 'problems.json'));
  const report = new ProblemReport({ problems, environment, log });
  const budgets = new ExceededBudgets({ log, onProblems: (found) => report.ofBudgets(found) });
  const overBudget = (workload: WorkloadId, message: string) => budgets.note(`workload ${workload}`, message);
  const rotation = await openRotation(options, log);
  const identities = new WorkloadIdentities({ root: rotation.signer });
  identities.setRoots(rotation.roots);
  const asides = asideFile(join(options.stateDirectory, 'set-aside.json'));
  const otherReplicas = new OtherReplicas({
    addresses: () => environment.otherReplicas(),
    roots: () => rotation.roots,
    // The other one waits as long for the sidecar, and the sidecar a second longer.
    timeoutMs: firstCallWaitMs + 500,
    log,
  });
  const live = liveMesh({
    environment,
    identities,
    log,
    asides,
    onRefused: (found) => report.ofQuarantine(found),
    onExceeded: overBudget,
    otherReplicas,
  });
  const { turns, views, delivery, firstCalls } = live;
  const memory = await Memory.open({
    directory: join(options.stateDirectory, 'history'),
    ...(environment.pins ? { pins: environment.pins } : {}),
    wholeFacts: live.wholeFacts,
    onProblems: (found) => report.ofMemory(found),
    // Before the mesh is known it cannot be held; the first turn holds it.
    onPin: (pin) => turns.mesh && turns.turn(() => live.hold(pin)),
  });
  report.ofMemory(memory.problems());
  const keptClaims = await KeptClaims.open({
    store: environment.claims ?? new ClaimFile(join(options.stateDirectory, 'path-claims.json')),
    claims: live.claims,
    decides: () => environment.decides(),
    log,
  });
  const ofTrust = () => {
    if (options.externalRootDirectory === undefined || turns.mesh === undefined) return [];
    return [trustDomainProblem(turns.mesh.settings.trustDomain)].filter((problem) => problem !== undefined);
  };
  const waitingHere = () => unacknowledged(delivery, identities.rootSecret.version);

  identities.onRenewal((workloads) => views.renewed(workloads));
  memory.listen(delivery);
  delivery.onNack(({ workload, typeUrl, names, message }) => {
    if (names.every(isProbe)) return;
    const from = turns.mesh === undefined ? '' : nackSource(turns.mesh, names);
    log.error(
      { workload, typeUrl, resources: names, source: from, reason: message },
      'what a proxy refused comes from here',
    );
  });
  turns.follow({
    memory,
    views,
    claims: keptClaims,
    drop: (workload) => delivery.drop(workload),
    report: (found, overrides) => report.ofMesh([...found, ...ofTrust()], overrides),
  });
  await environment.open({
    log,
    turn: (change) =>
      turns.turn(() => {
        live.hold(memory.pin);
        change();
      }),
    drop: (workload) => delivery.drop(workload),
    bundle: () => rotation.roots.bundle,
    unacknowledged: waitingHere,
  });

  live.quarantine.restore(await asides.load());
  const calls = proxyCalls({ mesh: () => turns.mesh, firstCalls, log, onExceeded: overBudget });
  // Later it is a problem in the status: a mesh that runs is not stopped by its settings.
  if (options.externalRootDirectory !== undefined) checkTrustDomain(turns.mesh?.settings.trustDomain ?? '');
  const tls = serverCertificate(rotation.signer);
  const authenticate = orReplica(() => rotation.roots, environment.authenticate.bind(environment));
  const xds = await serveXds({
    listen: options.listen,
    tls,
    delivery,
    authenticate,
    ...calls.served,
    onExceeded: (who, message) => budgets.note(who, message),
    log,
  });
  const certificate = keepServerCertificate(xds, () => rotation.signer);
  rotation.follow({
    waitingFor: async (bundle) => [...waitingHere(), ...(await environment.othersWaiting(bundle))],
    lifetimeMs: () => turns.mesh?.settings.certificateLifetimeMs ?? 0,
    onChange(roots) {
      views.renewed(identities.setRoots(roots));
      certificate.renew();
      environment.rootsChanged();
    },
  });
  rotation.start();

  const audit = (fields: object, message: string) => log.warn(fields, message);
  const api = meshService(meshApi({ startedAtMs, live, rotation, identities, memory, problems, calls, audit }));
  onShutdown(async () => {
    await environment.leave();
    certificate.stop();
    turns.close();
    live.quarantine.close();
    firstCalls.close();
    otherReplicas.close();
    delivery.close();
    identities.close();
    budgets.close();
    await keptClaims.close();
    await Promise.all([
      xds.close(),
      rotation.close(),
      environment.close(),
      problems.close(),
      memory.close(),
      asides.close(),
    ]);
    log.info('stopped');
  });
  await serve({
    name: 'weft-control-plane',
    services: [api],
    listen: options.api,
    limits: apiLimits,
    drainMs: 0,
    finishMs: 1000,
  });
  if (options.api.startsWith('unix:')) await chmod(options.api.slice('unix:'.length), 0o600);
  await environment.serving();
  log.info({ version, xds: `${options.listen.host}:${xds.port}`, workloads: turns.mesh?.workloads.size ?? 0 }, 'ready');
}

/** The roots, as they were stored, or as they come from outside. */
function openRotation(
  { environment, externalRootDirectory, rootSettleMs }: ControlPlaneOptions,
  log: Parameters<typeof RootRotation.open>[0]['log'],
): Promise<RootRotation> {
  return RootRotation.open({
    store: environment.rootStore,
    handoverMs: environment.handoverMs,
    decides: () => environment.decides(),
    ...(externalRootDirectory === undefined ? {} : { external: () => readExternalRoot(externalRootDirectory) }),
    settleMs: rootSettleMs,
    log,
  });
}
