import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { isProbe } from '@weft/compiler/envoy/listener-probe';
import type { SocketAddress } from '@weft/compiler/model/workload';
import type { Environment } from './environment/environment.ts';
import { Memory } from './history/memory.ts';
import { readExternalRoot } from './identity/external-root.ts';
import { RootRotation } from './identity/root-rotation.ts';
import { keepServerCertificate, serverCertificate } from './identity/server-certificate.ts';
import { unacknowledged } from './identity/unacknowledged.ts';
import { WorkloadIdentities } from './identity/workload-identities.ts';
import { asideFile } from './quarantine/aside-store.ts';
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
  const rotation = await openRotation(options, log);
  const identities = new WorkloadIdentities({ root: rotation.signer });
  identities.setRoots(rotation.roots);
  const asides = asideFile(join(options.stateDirectory, 'set-aside.json'));
  const live = liveMesh({ environment, identities, log, asides, onRefused: (found) => report.ofQuarantine(found) });
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
    drop: (workload) => delivery.drop(workload),
    report: (found, overrides) => report.ofMesh(found, overrides),
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
  const calls = proxyCalls({ mesh: () => turns.mesh, firstCalls, log });
  const tls = serverCertificate(rotation.signer);
  const authenticate = environment.authenticate.bind(environment);
  const xds = await serveXds({ listen: options.listen, tls, delivery, authenticate, methods: calls.methods, log });
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
    delivery.close();
    identities.close();
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
  await serve({ name: 'weft-control-plane', services: [api], listen: options.api, drainMs: 0, finishMs: 1000 });
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
