import { setTimeout as sleep } from 'node:timers/promises';
import type { Turn } from '@weft/collections';
import type { SocketAddress } from '@weft/compiler/model/workload';
import { controlPlaneName } from '@weft/compiler/pod/names';
import { UnusedContracts } from '../cleanup/unused-contracts.ts';
import { ClaimConfigMap } from '../history/claim-config-map.ts';
import { PinConfigMap } from '../history/pin-config-map.ts';
import { KubernetesTokens } from '../identity/kubernetes-tokens.ts';
import { RootConfigMaps } from '../identity/root-config-maps.ts';
import { RootSecret } from '../identity/root-secret.ts';
import type { InjectorSettings } from '../injector/settings.ts';
import type { KubernetesApi } from '../kubernetes/api.ts';
import { watchedNames } from '../kubernetes/cluster-objects.ts';
import { Lease } from '../kubernetes/lease.ts';
import { ReplicaLeases } from '../replicas/replica-leases.ts';
import { type KubernetesSource, kubernetesSource } from '../sources/kubernetes/kubernetes.ts';
import { KubernetesStatus } from '../status/kubernetes-status.ts';
import type { Environment, Stage } from './environment.ts';
import { type Health, serveHealth } from './health.ts';
import { type InjectorWebhook, runInjector } from './injector-webhook.ts';

/** How a control plane runs in a cluster. */
export interface KubernetesEnvironmentOptions {
  readonly api: KubernetesApi;
  /** Its own namespace. */
  readonly namespace: string;
  /** The name of its pod. */
  readonly replica: string;
  /** Where other replicas reach this one's port for proxies, "host:port". Absent: this is the only replica. */
  readonly replicaAddress?: string;
  /** Where the API server calls the injector; absent: nothing is injected from here. */
  readonly webhook?: { readonly listen: SocketAddress; readonly settings: InjectorSettings };
  /** Where the kubelet asks GET /healthz and GET /readyz; absent: nowhere. */
  readonly health?: SocketAddress;
  /** How long new proxies may still come after this pod was told to end. Default: 3 s. */
  readonly leaveMs?: number;
}

const tellEveryMs = 3000;

/** A mesh of pods. Replicas agree by what is in the API server, and one of them decides. */
export function kubernetesEnvironment(options: KubernetesEnvironmentOptions): Environment {
  const { api, namespace, replica, replicaAddress } = options;
  let stage: Stage | undefined;
  let source: KubernetesSource | undefined;
  let health: Health | undefined;
  let injector: InjectorWebhook | undefined;
  let unusedContracts: UnusedContracts | undefined;
  let timer: NodeJS.Timeout | undefined;

  const lease = new Lease({
    api,
    namespace,
    name: controlPlaneName,
    holder: replica,
    onChange: (held) => {
      stage?.log.info({ held }, 'the lease of those who decide');
      if (!held) return;
      roots.look();
      status.look();
    },
  });
  const tokens = new KubernetesTokens({
    api,
    pod: (id) => source?.pods.get(id),
    onRevoked: (workload) => stage?.drop(workload),
  });
  const replicas = new ReplicaLeases({
    api,
    namespace,
    replica,
    ...(replicaAddress === undefined ? {} : { address: replicaAddress }),
    waitingFor: () => stage?.unacknowledged() ?? [],
  });
  const roots = new RootConfigMaps({
    api,
    namespaces: () => new Set(source?.namespaces.keys()),
    bundle: () => stage?.bundle() ?? '',
    decides: () => lease.held && stage !== undefined && source !== undefined,
    log: { warn: (fields, message) => stage?.log.warn(fields, message) },
  });
  const pins = new PinConfigMap({ api, namespace });
  const status = new KubernetesStatus({
    api,
    replica,
    decides: () => lease.held,
    objects: () => source?.objects,
    log: { warn: (fields, message) => stage?.log.warn(fields, message) },
  });

  /** Has those look again who have something to look at. */
  function followTurn(turn: Turn): void {
    if (source === undefined) return;
    const { pods, namespaces, collections } = source;
    const changedPods = turn.changed(pods);
    if (changedPods.size > 0) tokens.podsChanged(changedPods.keys());
    if (turn.changed(namespaces).size > 0) roots.look();
    for (const name of watchedNames) status.changed(name, turn.changed(collections[name]).keys());
  }

  async function tell(): Promise<void> {
    if (stage === undefined) return;
    await replicas.tell(stage.bundle()).catch((error: unknown) => {
      stage?.log.warn({ error: String(error) }, 'other replicas cannot be told what proxies have taken');
    });
  }

  return {
    rootStore: new RootSecret({ api, namespace }),
    pins,
    claims: new ClaimConfigMap({ api, namespace }),
    handoverMs: 10_000,
    decides: () => lease.held,
    othersWaiting: (bundle) => replicas.others(bundle),
    otherReplicas: () => replicas.addresses(),
    facts(graph) {
      source = kubernetesSource(graph, { api });
      source.onTurn(followTurn);
      return source.facts;
    },
    async open(given) {
      stage = given;
      if (source === undefined) throw new Error('the collections of an environment come before it is opened');
      if (options.health) health = await serveHealth(options.health);
      lease.start();
      roots.start();
      const first = source.open(given.turn, (problems) => given.log.warn({ problems }, 'the mesh is not known yet'));
      first.catch(() => undefined);
      // Before the first facts: a cluster whose pods wait for this webhook must not wait for its mesh.
      if (options.webhook) {
        injector = await runInjector({
          ...options.webhook,
          api,
          namespace,
          log: given.log,
          decides: () => lease.held,
          source,
        });
      }
      await first;
      unusedContracts = new UnusedContracts({
        api,
        decides: () => lease.held,
        objects: () => source?.objects,
        log: given.log,
      });
      roots.look();
      await tell();
      timer = setInterval(() => void tell(), tellEveryMs).unref();
    },
    authenticate: (headers) => tokens.authenticate(headers),
    rootsChanged() {
      roots.look();
      void tell();
    },
    async serving() {
      health?.setReady(true);
    },
    report: (problems, overrides) => status.report(problems, overrides),
    async leave() {
      health?.setReady(false);
      await sleep(options.leaveMs ?? 3000);
    },
    async close() {
      clearInterval(timer);
      await unusedContracts?.close();
      await Promise.all([source?.close(), roots.close(), injector?.close(), health?.close(), status.close()]);
      await Promise.all([lease.close(), replicas.close(), pins.close()]);
      api.close();
    },
  };
}
