import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  type GetStatusResponse,
  GetStatusResponseSchema,
  type OverrideSchema,
  OverrideState,
  type Pin,
  type PlainTextSchema,
  type ProxySchema,
  type ServiceSchema,
  type WorkloadSchema,
} from '@weft/api/weft/api/v1/mesh';
import type { Mesh, WorkloadId } from '@weft/compiler/model/mesh';
import { partsOfId } from '@weft/compiler/model/names';
import { type Override, refusalWords } from '@weft/compiler/model/override';
import { effectWords } from '@weft/compiler/model/override-effect';
import { isPermissive } from '@weft/compiler/model/permissive';
import type { Service } from '@weft/compiler/model/service';
import type { SocketAddress, Workload } from '@weft/compiler/model/workload';
import type { RotationStatus } from '../identity/root-rotation.ts';
import { targetAt } from '../refusals/at-address.ts';
import type { DenialCount } from '../refusals/denial-counts.ts';
import type { PlainTextCall } from '../refusals/plain-text-calls.ts';
import type { ProxyState } from '../xds/proxy-state.ts';
import { nackSource } from './nack-source.ts';
import type { DatedProblem } from './problem-log.ts';
import { rootStatus } from './root-status.ts';

/** What a status is made from. */
export interface StatusInput {
  readonly version: string;
  readonly startedAtMs: number;
  readonly root: RotationStatus;
  readonly mesh: Mesh;
  readonly proxies: ReadonlyMap<WorkloadId, ProxyState>;
  readonly problems: readonly DatedProblem[];
  readonly denials: readonly DenialCount[];
  /** Calls in plain text that were taken, counted since the start. */
  readonly plainText: readonly PlainTextCall[];
  /** The last moment of a workload's certificate. */
  readonly certificateNotAfterMs: (workload: Workload) => number;
  /** The revision that contracts and policies are held at. */
  readonly pin?: Pin;
}

/** The mesh as `weft status` shows it. */
export function meshStatus(input: StatusInput): GetStatusResponse {
  const { mesh, problems, denials } = input;
  return create(GetStatusResponseSchema, {
    controlPlane: {
      version: input.version,
      startedAt: timestampFromMs(input.startedAtMs),
      trustDomain: mesh.settings.trustDomain,
      rootNotAfter: timestampFromMs(input.root.notAfterMs),
      root: rootStatus(input.root),
      certificateLifetime: durationFromMs(mesh.settings.certificateLifetimeMs),
    },
    services: byId(mesh.services).map((service) => serviceStatus(mesh, service)),
    workloads: byId(mesh.workloads).map((workload) => {
      return workloadStatus(input, workload, mesh.lookups.servicesOf(workload.id));
    }),
    problems: problems.map(({ resource, about = [], field = '', message, advice = '', sinceMs }) => {
      return { resource, about: [...about], field, message, advice, since: timestampFromMs(sinceMs) };
    }),
    overrides: mesh.overrides.map(overrideStatus),
    denials: denials.map(({ caller, method, count, lastAtMs, message }) => {
      return { caller, method, count: BigInt(count), lastAt: timestampFromMs(lastAtMs), message };
    }),
    plainText: plainTextStatus(input),
    ...(input.pin ? { pin: input.pin } : {}),
  });
}

function plainTextStatus({ mesh, startedAtMs, plainText }: StatusInput): MessageInitShape<typeof PlainTextSchema> {
  return {
    countedSince: timestampFromMs(startedAtMs),
    ports: byId(mesh.workloads).flatMap((workload) =>
      workload.inbound
        .filter(({ listen }) => isPermissive(mesh.settings, workload, listen.port))
        .map(({ listen: { port } }) => ({
          namespace: workload.namespace,
          workload: workload.name,
          port,
          target: targetAt(mesh, workload.id, port).target,
        })),
    ),
    calls: plainText.map(({ count, lastAtMs, ...call }) => ({
      ...call,
      count: BigInt(count),
      lastAt: timestampFromMs(lastAtMs),
    })),
  };
}

const overrideStates = {
  active: OverrideState.ACTIVE,
  ended: OverrideState.ENDED,
  refused: OverrideState.REFUSED,
} as const;

function overrideStatus(override: Override): MessageInitShape<typeof OverrideSchema> {
  const { ref, service, methods, state, effects, refusals, reason, by, expiresMs, origin } = override;
  return {
    namespace: ref.namespace,
    name: ref.name,
    service: partsOfId(service).name,
    methods: [...methods],
    state: overrideStates[state],
    effects: effects.map(effectWords),
    refusals: refusals.map(refusalWords),
    reason,
    by,
    ...(expiresMs === undefined ? {} : { expiresAt: timestampFromMs(expiresMs) }),
    origin,
  };
}

function serviceStatus(mesh: Mesh, service: Service): MessageInitShape<typeof ServiceSchema> {
  const replicas = service.workloads.flatMap((id) => mesh.workloads.get(id) ?? []);
  const ready = replicas.filter((replica) => replica.ready);
  const running = new Set(ready.map((replica) => replica.contractHash));
  const versions = [...service.versions.values()];
  return {
    namespace: service.namespace,
    name: service.name,
    logicalName: service.logicalName ?? '',
    grpcServices: [...new Set(versions.flatMap((version) => version.grpcServices))].sort(),
    contractHashes: versions.map((version) => version.hash).filter((hash) => running.has(hash)),
    readyReplicas: ready.length,
    replicas: replicas.length,
  };
}

function workloadStatus(
  input: StatusInput,
  workload: Workload,
  services: readonly Service[],
): MessageInitShape<typeof WorkloadSchema> {
  const proxy = input.proxies.get(workload.id);
  const address = workload.gateway?.listen ?? workload.inbound[0]?.listen;
  return {
    namespace: workload.namespace,
    name: workload.name,
    services: services.map((service) => service.name),
    ready: workload.ready,
    reason: workload.ready ? '' : (workload.reason ?? ''),
    address: address === undefined ? '' : addressText(address),
    ...(proxy === undefined ? {} : { proxy: proxyStatus(input, workload, proxy) }),
  };
}

function proxyStatus(input: StatusInput, workload: Workload, proxy: ProxyState): MessageInitShape<typeof ProxySchema> {
  return {
    spiffeId: workload.spiffeId,
    connectedAt: timestampFromMs(proxy.connectedAt),
    envoyVersion: proxy.envoyVersion,
    certificateNotAfter: timestampFromMs(input.certificateNotAfterMs(workload)),
    acknowledgements: [...proxy.types].map(([typeUrl, type]) => ({
      typeUrl,
      sentVersion: type.sentVersion,
      ackedVersion: type.ackedVersion ?? '',
      ...(type.ackedAt === undefined ? {} : { ackedAt: timestampFromMs(type.ackedAt) }),
      resources: type.resources,
      nack: type.nack?.message ?? '',
      nackSource: type.nack === undefined ? '' : nackSource(input.mesh, type.nack.names),
    })),
  };
}

function byId<T extends { readonly id: string }>(items: ReadonlyMap<string, T>): T[] {
  return [...items.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function addressText({ host, port }: SocketAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
