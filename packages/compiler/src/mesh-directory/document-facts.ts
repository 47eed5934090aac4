import type { Collection, Graph, Index } from '@weft/collections';
import { defaultSettings } from '../facts/default-settings.ts';
import { type FactCollections, resourceKey, serviceKey, settingsKey } from '../facts/fact-collections.ts';
import type { ContractFact, GatewayFact, Resource, ServiceFact } from '../facts/facts.ts';
import { kinds, objectRef } from '../kinds/registry.ts';
import type { ExternalService } from '../model/external-service.ts';
import type { MeshSettings } from '../model/mesh.ts';
import { defaultLabel } from '../model/names.ts';
import type { Problem } from '../model/problem.ts';
import { type ResourceRef, weftGroup } from '../model/resource-ref.ts';
import type { Workload } from '../model/workload.ts';
import {
  type Document,
  documentKey,
  externalServiceOf,
  gatewayOf,
  resourceOf,
  serviceOf,
  settingsOf,
  workloadOf,
} from './document.ts';
import type { ManifestObject } from './manifest.ts';

/** What one file says. */
export interface Reading {
  /** The file. */
  readonly origin: string;
  readonly objects: readonly ManifestObject[];
  readonly contract?: ContractFact;
  readonly problems: readonly Problem[];
}

/** Facts from files, before contracts are retained. */
export interface DocumentFacts extends Omit<FactCollections, 'contracts'> {
  /** Contracts by file. */
  readonly found: Collection<ContractFact>;
}

/**
 * Puts together what files say (`readings`, by `origin`). Where two documents name one object, the document whose file sorts first
 * counts, and in one file the earlier one, so that the outcome does not depend on the order in which files were found. The other
 * document is a problem, and so is a mesh without a MeshConfig. A document with the label `defaultLabel` gives way to any
 * other, and that is no problem.
 */
export function documentFacts(graph: Graph, readings: Collection<Reading>): DocumentFacts {
  const documents = graph.deriveMany<Reading, Document>('documents', readings, ({ origin, objects }) =>
    objects.map((object, index) => [`${origin} ${index}`, { object, origin }] as const),
  );
  const byKey = documents.index('by key', ({ object }) => [documentKey(object)]);
  const counting = graph.group('documents that count', byKey, (key, read) => first(read.values(byKey, key)));

  const settings = graph.deriveMany<Document, MeshSettings>('settings', counting, ({ object, origin }) =>
    object.is === 'mesh-config' ? [[settingsKey, settingsOf(object, origin)]] : [],
  );
  const services = graph.deriveMany<Document, ServiceFact>('services', counting, ({ object, origin }) => {
    const service = object.is === 'service' ? serviceOf(object, origin) : undefined;
    return service ? [keyed(service, serviceKey)] : [];
  });
  const workloads = graph.deriveMany<Document, Workload>('workloads', counting, ({ object }, read) => {
    if (object.is !== 'workload') return [];
    const { trustDomain } = read.get(settings, settingsKey) ?? defaultSettings;
    return [keyed(workloadOf(object, trustDomain), ({ id }) => id)];
  });
  const gateways = graph.deriveMany<Document, GatewayFact>('gateways', counting, ({ object, origin }) =>
    object.is === 'gateway' ? [keyed(gatewayOf(object, origin), ({ name }) => name)] : [],
  );
  const externalServices = graph.deriveMany<Document, ExternalService>(
    'external services',
    counting,
    ({ object, origin }) =>
      object.is === 'external-service' ? [keyed(externalServiceOf(object, origin), ({ id }) => id)] : [],
  );
  const resources = graph.deriveMany<Document, Resource>('resources', counting, ({ object, origin }) =>
    object.is === 'other' ? [keyed(resourceOf(object, origin), resourceKey)] : [],
  );

  const wrong = graph.derive<Reading, readonly Problem[]>(
    'problems of files',
    readings,
    ({ origin, objects, problems }, read) => {
      const duplicates = objects.flatMap((object) =>
        duplicate(object, origin, read.get(counting, documentKey(object))),
      );
      return problems.length + duplicates.length === 0 ? undefined : [...problems, ...duplicates];
    },
  );
  const refused = readings.index('refused settings', ({ problems }) => refusedSettings(problems));
  const problems = graph.union('problems', [wrong, problemOfNoSettings(graph, settings, refused, noMeshConfig)]);
  const found = graph.derive<Reading, ContractFact>('contract files', readings, ({ contract }) => contract);
  return { settings, services, workloads, gateways, externalServices, resources, problems, found };
}

const noMeshConfig: Problem = {
  resource: 'mesh.yaml',
  message: 'there is no MeshConfig',
  advice: 'a weft.dev/v1 MeshConfig with packages',
};

/** The bucket of an index of what has a MeshConfig that was refused. */
export function refusedSettings(problems: readonly Problem[]): string[] {
  const isOfSettings = ({ group, kind }: ResourceRef) => group === weftGroup && kind === kinds.MeshConfig.kind;
  return problems.some(({ about = [] }) => about.some(isOfSettings)) ? [settingsKey] : [];
}

/** This problem while there are no settings; another one while there are some that were refused (`refused`, by `refusedSettings`). */
export function problemOfNoSettings(
  graph: Graph,
  settings: Collection<MeshSettings>,
  refused: Index<unknown>,
  problem: Problem,
): Collection<readonly Problem[]> {
  const wanted = graph.constant('wanted settings', [['no MeshConfig', problem]]);
  return graph.derive('missing settings', wanted, (missing, read) => {
    if (read.get(settings, settingsKey) !== undefined) return undefined;
    if (read.keys(refused, settingsKey).length === 0) return [missing];
    return [
      { ...missing, message: 'the MeshConfig was rejected, so the defaults apply', advice: 'fix its other problems' },
    ];
  });
}

function keyed<V>(value: V, keyOf: (value: V) => string): readonly [string, V] {
  return [keyOf(value), value];
}

function first(documents: readonly Document[]): Document | undefined {
  return documents.reduce<Document | undefined>(
    (best, document) => (best === undefined || isBefore(document, best) ? document : best),
    undefined,
  );
}

function isDefault({ labels }: ManifestObject): boolean {
  return labels[defaultLabel] === 'true';
}

function isBefore(a: Document, b: Document): boolean {
  if (isDefault(a.object) !== isDefault(b.object)) return isDefault(b.object);
  return a.origin === b.origin ? a.object.line < b.object.line : a.origin < b.origin;
}

/** The problem of a document in whose place another counts. */
function duplicate(object: ManifestObject, origin: string, counts: Document | undefined): readonly Problem[] {
  if (counts === undefined || (counts.origin === origin && counts.object.line === object.line)) return [];
  if (isDefault(object) && !isDefault(counts.object)) return [];
  return [
    {
      resource: origin,
      about: [objectRef(object)],
      message: `line ${object.line}: ${object.kind} ${object.namespace}/${object.name} appears twice`,
      advice: `${counts.origin}, line ${counts.object.line} is used; remove one of the two`,
    },
  ];
}
