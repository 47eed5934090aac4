import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { Graph } from '@weft/collections';
import { wholeFacts } from '@weft/compiler/facts/fact-collections';
import { MeshCompiler } from '@weft/compiler/mesh-compiler';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { Override } from '@weft/compiler/model/override';
import type { Problem } from '@weft/compiler/model/problem';
import type { SocketAddress } from '@weft/compiler/model/workload';
import { meshMemory, pinMessage } from './api/mesh-memory.ts';
import { createReflection, reflectionPaths } from './api/reflection.ts';
import { answerWhy } from './api/why.ts';
import type { Environment } from './environment/environment.ts';
import { Memory } from './history/memory.ts';
import type { Pin } from './history/pin.ts';
import { pinFacts, pinKey } from './history/pin-facts.ts';
import { readExternalRoot } from './identity/external-root.ts';
import { RootRotation } from './identity/root-rotation.ts';
import { keepServerCertificate, serverCertificate } from './identity/server-certificate.ts';
import { unacknowledged } from './identity/unacknowledged.ts';
import { WorkloadIdentities } from './identity/workload-identities.ts';
import { PlainTextCalls } from './refusals/plain-text-calls.ts';
import type { Refusal } from './refusals/refusal.ts';
import { checkPath, createRefusals } from './refusals/refusals.ts';
import { createRefusedConnections, refusedConnectionsPath } from './refusals/refused-connections.ts';
import { meshStatus } from './status/mesh-status.ts';
import { nackSource } from './status/nack-source.ts';
import { openProblemLog } from './status/problem-store.ts';
import { version } from './version.ts';
import { Views } from './views.ts';
import { MeshTurns } from './wiring/mesh-turns.ts';
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
    lifetimeMs: () => turns.mesh?.settings.certificateLifetimeMs ?? 0,
    onChange: (roots) => {
      views.renewed(identities.setRoots(roots));
      certificate.renew();
      environment.rootsChanged();
    },
    log,
  });
  const unacknowledgedHere = () => unacknowledged(delivery, identities.rootSecret.version);
  const root = rotation.signer;
  const identities = new WorkloadIdentities({ root, onRenewal: (workloads) => views.renewed(workloads) });
  identities.setRoots(rotation.roots);
  const graph = new Graph();
  const pins = graph.source<Pin>('pin', { same: Object.is });
  const facts = pinFacts(graph, environment.facts(graph), pins);
  const compiler = new MeshCompiler(graph, facts);
  const turns = new MeshTurns({ compiler, facts, identities, log });
  const views = new Views({ compiler, identities, turn: (change) => turns.connect(change) });
  const delivery = createDelivery({ views, log });
  let reported: readonly Problem[] = [];
  let overrides: readonly Override[] = [];
  const report = () => {
    const all = [...reported, ...memory.problems()];
    for (const problem of problems.update(all)) log.warn(problem, 'something in the mesh was not understood');
    environment.report(problems.list(), overrides);
  };
  const memory = await Memory.open({
    directory: join(options.stateDirectory, 'history'),
    ...(environment.pins ? { pins: environment.pins } : {}),
    wholeFacts: () => wholeFacts(facts),
    onProblem: report,
    onPin: () => turns.turn(holdPin),
  });
  const holdPin = () => (memory.pin ? pins.set(pinKey, memory.pin) : pins.delete(pinKey));
  memory.listen(delivery);
  turns.follow({
    memory,
    views,
    drop: (workload) => delivery.drop(workload),
    report(found, present) {
      reported = found;
      overrides = present;
      report();
    },
  });
  await environment.open({
    log,
    turn: (change) =>
      turns.turn(() => {
        holdPin();
        change();
      }),
    drop: (workload) => delivery.drop(workload),
    bundle: () => rotation.roots.bundle,
    unacknowledged: unacknowledgedHere,
  });

  delivery.onNack(({ workload, typeUrl, names, message }) => {
    const from = turns.mesh === undefined ? '' : nackSource(turns.mesh, names);
    log.error(
      { workload, typeUrl, resources: names, source: from, reason: message },
      'what a proxy refused comes from here',
    );
  });
  const logRefusal = ({ caller, message, advice }: Refusal, path: string, workload: WorkloadId) =>
    log.warn({ workload, caller, path, advice }, message);
  const refusals = createRefusals({
    mesh: () => turns.mesh,
    onFirst: logRefusal,
  });
  const plainText = new PlainTextCalls();
  const refusedConnections = createRefusedConnections({
    mesh: () => turns.mesh,
    counts: refusals.counts,
    plainText,
    onFirst: logRefusal,
  });
  const methods = new Map<string, AuthenticatedMethod>([
    [checkPath, refusals.method],
    [refusedConnectionsPath, refusedConnections],
  ]);
  const reflection = createReflection(() => turns.mesh);
  for (const path of reflectionPaths) methods.set(path, reflection);

  const tls = serverCertificate(root);
  const authenticate = environment.authenticate.bind(environment);
  const xds = await serveXds({ listen: options.listen, tls, delivery, authenticate, methods, log });
  const certificate = keepServerCertificate(xds, () => rotation.signer);
  rotation.start();

  const status = () => {
    const { mesh } = turns;
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
    now: () => turns.now,
    proxies: () => delivery.proxies(),
    certificateNotAfterMs: (workload) => identities.notAfterMs(workload),
  });
  const api = meshService({
    status,
    snapshot: (id) => turns.snapshot(id),
    root: rotation,
    audit: (fields, message) => log.warn(fields, message),
    memory: meshMemory({ memory, audit: (fields, message) => log.warn(fields, message), why }),
  });
  onShutdown(async () => {
    await environment.leave();
    certificate.stop();
    turns.close();
    delivery.close();
    identities.close();
    await Promise.all([xds.close(), rotation.close(), environment.close(), problems.close(), memory.close()]);
    log.info('stopped');
  });
  await serve({ name: 'weft-control-plane', services: [api], listen: options.api, drainMs: 0, finishMs: 1000 });
  if (options.api.startsWith('unix:')) await chmod(options.api.slice('unix:'.length), 0o600);
  await environment.serving();
  log.info({ version, xds: `${options.listen.host}:${xds.port}`, workloads: turns.mesh?.workloads.size ?? 0 }, 'ready');
}
