import type { Collection, Graph, Read } from '@weft/collections';
import { retainContracts } from '@weft/compiler/contracts/retained-contracts';
import { defaultSettings } from '@weft/compiler/facts/default-settings';
import { type FactCollections, resourceKey, settingsKey } from '@weft/compiler/facts/fact-collections';
import type { GatewayFact, Resource, ServiceFact } from '@weft/compiler/facts/facts';
import type { Kind } from '@weft/compiler/kinds/kind';
import { kinds, ownKinds, watchesOf } from '@weft/compiler/kinds/registry';
import {
  externalServiceOf,
  gatewayOf,
  resourceOf,
  serviceOf,
  settingsOf,
  workloadOf,
} from '@weft/compiler/mesh-directory/document';
import { problemOfNoSettings } from '@weft/compiler/mesh-directory/document-facts';
import { stillServing } from '@weft/compiler/mesh-directory/last-good';
import { fieldOf, type ManifestObject, readDocument, shorten, valueAt } from '@weft/compiler/mesh-directory/manifest';
import type { ExternalService } from '@weft/compiler/model/external-service';
import type { MeshSettings } from '@weft/compiler/model/mesh';
import type { Problem } from '@weft/compiler/model/problem';
import { refWords, weftRef } from '@weft/compiler/model/resource-ref';
import type { Workload } from '@weft/compiler/model/workload';
import { marks } from '@weft/compiler/pod/marks';
import { meshConfigName } from '@weft/compiler/pod/names';
import type { WatchedName } from '../../kubernetes/cluster-objects.ts';
import { type KubernetesObject, refOf } from '../../kubernetes/object.ts';
import { contractConfigMaps } from './contract-config-maps.ts';
import { sliceEndpoints, sliceView } from './endpoint-slices.ts';
import { podWorkload } from './pod-workload.ts';

/** Kinds of ours that become facts here; every other belongs to a front end of its own. */
const readHere: ReadonlySet<Kind> = new Set([kinds.MeshConfig, kinds.Gateway, kinds.ExternalService]);

/** The objects of a cluster, each kind by "namespace/name". */
export type ObjectCollections = Readonly<Record<WatchedName, Collection<KubernetesObject>>>;

/** What the objects of a cluster say. */
export interface ClusterFacts {
  readonly facts: FactCollections;
  /** Pods of the mesh, gateways included. */
  readonly pods: Collection<KubernetesObject>;
  /** Namespaces that are labelled, and those with pods that are in the mesh by their own word; not those that end. */
  readonly namespaces: Collection<true>;
}

/** What one object says; `object` may be its last good form. */
interface Reading {
  readonly object?: ManifestObject;
  /** Of the object that is there now: an object of the same name that comes later has no part in what this one said. */
  readonly uid?: string | undefined;
  /** Whether a pod is ready, which is never its last good form's. */
  readonly status?: unknown;
  readonly problems: readonly Problem[];
}

/**
 * What a cluster's objects say about the mesh; the same facts as a mesh directory's, by the same rules. No I/O.
 *
 * An object that is wrong is a problem and stops no other; its last good version stays in use while this process runs. `more`:
 * problems that were found elsewhere.
 */
export function clusterFacts(
  graph: Graph,
  objects: ObjectCollections,
  more: Collection<readonly Problem[]>,
): ClusterFacts {
  const problems: Collection<readonly Problem[]>[] = [more];
  const readings = (
    kind: string,
    from: Collection<KubernetesObject>,
    readOne: (object: KubernetesObject, read: Read, key: string) => Reading | undefined = (object) =>
      readObject(subjectOf(object), object),
  ): Collection<Reading> => {
    const all = graph.remember<KubernetesObject, Reading>(`${kind} objects`, from, (object, before, read, key) =>
      object === undefined ? undefined : withLastGood(object, readOne(object, read, key), before),
    );
    problems.push(
      graph.deriveMany(`${kind} problems`, all, ({ problems: found }, _, key) =>
        found.length > 0 ? [[`${kind} ${key}`, found]] : [],
      ),
    );
    return all;
  };

  const meshConfigs = readings('MeshConfig', objects.meshConfigs, (object, _, key) =>
    key === meshConfigName ? readObject(subjectOf(object), object) : { problems: [otherName(object)] },
  );
  const settings = graph.deriveMany<Reading, MeshSettings>('settings', meshConfigs, ({ object }, _, key) =>
    object?.is === 'mesh-config' ? [[settingsKey, settingsOf(object, `MeshConfig ${key}`)]] : [],
  );
  const refused = graph
    .derive('refused MeshConfig', meshConfigs, ({ problems: found }, _, key) =>
      key === meshConfigName && found.length > 0 ? true : undefined,
    )
    .index('settings', () => [settingsKey]);
  problems.push(problemOfNoSettings(graph, settings, refused, noMeshConfig));

  const services = graph.derive<Reading, ServiceFact>(
    'services',
    readings('Service', objects.services, (object, read) =>
      isMeshService(object, read, objects.namespaces) ? readObject(subjectOf(object), object) : undefined,
    ),
    ({ object }, _, key) => (object?.is === 'service' ? serviceOf(object, `Service ${key}`) : undefined),
  );

  const pods = graph.union('pods of the mesh', [objects.pods, objects.gatewayPods]);
  const endpoints = sliceEndpoints(graph, objects.endpointSlices);
  const workloads = graph.derive<Reading, Workload>(
    'workloads',
    readings('Pod', pods, (pod, read, key) =>
      readPod(subjectOf(pod), podWorkload(pod, sliceView(read.values(endpoints, key)))),
    ),
    ({ object }, read) => {
      if (object?.is !== 'workload') return undefined;
      return workloadOf(object, (read.get(settings, settingsKey) ?? defaultSettings).trustDomain);
    },
  );

  const gateways = graph.deriveMany<Reading, GatewayFact>(
    'gateways',
    readings('Gateway', objects.gateways),
    ({ object }, _, key) => (object?.is === 'gateway' ? [[object.name, gatewayOf(object, `Gateway ${key}`)]] : []),
  );
  const externalServices = graph.derive<Reading, ExternalService>(
    'external services',
    readings('ExternalService', objects.externalServices),
    ({ object }, _, key) =>
      object?.is === 'external-service' ? externalServiceOf(object, `ExternalService ${key}`) : undefined,
  );
  const others = ownKinds.filter((kind) => !readHere.has(kind));
  const resources = others.flatMap((other) =>
    watchesOf(other).map(([name]) =>
      graph.deriveMany<Reading, Resource>(
        `${other.kind} resources`,
        readings(other.kind, objects[name]),
        ({ object }, _, key) => {
          if (object?.is !== 'other') return [];
          const resource = resourceOf(object, `${other.kind} ${key}`);
          return [[resourceKey(resource), resource]];
        },
      ),
    ),
  );

  const configMaps = contractConfigMaps(graph, objects.contracts);
  problems.push(configMaps.problems);
  return {
    facts: {
      settings,
      services,
      workloads,
      contracts: retainContracts(graph, configMaps.found, workloads).contracts,
      gateways,
      externalServices,
      resources: graph.union('resources', resources),
      problems: graph.union('problems', problems),
    },
    pods,
    namespaces: meshNamespaces(graph, objects.namespaces, pods),
  };
}

function meshNamespaces(
  graph: Graph,
  namespaces: Collection<KubernetesObject>,
  pods: Collection<KubernetesObject>,
): Collection<true> {
  const homes = pods.index('by namespace', ({ metadata }) => [metadata.namespace ?? '']);
  const inhabited = graph.group<KubernetesObject, true>('namespaces of pods', homes, () => true);
  return graph.derive<KubernetesObject, true>('mesh namespaces', namespaces, ({ metadata }, read, name) => {
    if (metadata.deletionTimestamp) return undefined;
    return metadata.labels?.[marks.inject] === 'true' || read.get(inhabited, name) ? true : undefined;
  });
}

/** A labelled Service, or one in a labelled namespace that does not say otherwise. One without a selector has no replicas. */
function isMeshService(service: KubernetesObject, read: Read, namespaces: Collection<KubernetesObject>): boolean {
  const word = service.metadata.labels?.[marks.mesh];
  if (word === 'disabled') return false;
  if (word === 'enabled') return true;
  if (read.get(namespaces, service.metadata.namespace ?? '')?.metadata.labels?.[marks.inject] !== 'true') return false;
  const { selector, type }: { selector?: unknown; type?: unknown } = Object(service.spec);
  return type !== 'ExternalName' && Object.keys(Object(selector)).length > 0;
}

function withLastGood(
  { metadata: { uid } }: KubernetesObject,
  now: Reading | undefined,
  before: Reading | undefined,
): Reading | undefined {
  if (now === undefined) return undefined;
  const lastGood = before?.uid === uid ? before?.object : undefined;
  if (now.object || now.problems.length === 0 || lastGood === undefined) return { ...now, uid };
  const object = lastGood.is === 'workload' ? withStatus(lastGood, now.status) : lastGood;
  return { object, uid, problems: now.problems.map(stillServing) };
}

type WorkloadObject = Extract<ManifestObject, { is: 'workload' }>;

/** A pod that says something wrong goes on as it was, but not when it is no longer ready. */
function withStatus(lastGood: WorkloadObject, status: unknown): WorkloadObject {
  const { ready = false, reason = 'what it says cannot be read' }: { ready?: unknown; reason?: unknown } =
    Object(status);
  if (ready === true) return lastGood;
  return { ...lastGood, read: { ...lastGood.read, status: { ready: false, reason: String(reason) } } };
}

type Subject = Pick<Problem, 'resource' | 'about'>;

function subjectOf(object: KubernetesObject): Subject {
  const ref = refOf(object);
  return { resource: refWords(ref), about: [ref] };
}

function readPod(subject: Subject, outcome: ReturnType<typeof podWorkload>): Reading | undefined {
  if (outcome === undefined) return undefined;
  if ('problem' in outcome) return { problems: [{ ...subject, ...outcome.problem }] };
  return { ...readObject(subject, outcome.document), status: Object(outcome.document).status };
}

function readObject(subject: Subject, value: unknown): Reading {
  const { object, issues } = readDocument(value, 0);
  const problems = issues.map((issue): Problem => {
    if (issue.code === 'unrecognized_keys') {
      const field = fieldOf([...issue.path, issue.keys[0] ?? '']);
      return { ...subject, field, message: 'there is no such field', advice: `known are ${issue.message}` };
    }
    const found = valueAt(value, issue.path);
    const message = found === undefined ? 'is missing' : `is ${shorten(found)}`;
    const field = fieldOf(issue.path);
    return { ...subject, ...(field === '' ? {} : { field }), message, advice: issue.message };
  });
  return object ? { object, problems } : { problems };
}

function otherName(object: KubernetesObject): Problem {
  return {
    ...subjectOf(object),
    field: 'metadata.name',
    message: `is ${JSON.stringify(object.metadata.name)}; it has no effect`,
    advice: `the one that counts is named ${JSON.stringify(meshConfigName)}`,
  };
}

const noMeshConfig: Problem = {
  resource: `MeshConfig ${meshConfigName}`,
  about: [weftRef('MeshConfig', meshConfigName)],
  message: 'there is no MeshConfig',
  advice: `kubectl apply a weft.dev/v1 MeshConfig named ${JSON.stringify(meshConfigName)} with packages`,
};
