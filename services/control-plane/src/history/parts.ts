import { createHash } from 'node:crypto';
import { defaultSettings } from '@weft/compiler/facts/default-settings';
import type { ContractFact, Facts, GatewayFact, Resource, ServiceFact } from '@weft/compiler/facts/facts';
import type { ExternalService } from '@weft/compiler/model/external-service';
import type { MeshSettings } from '@weft/compiler/model/mesh';
import type { Workload } from '@weft/compiler/model/workload';

/** One thing among the facts, as history keeps it: plain JSON, and a contract by its hash only. */
export type Part = { readonly [K in keyof Values]: PartOf<K> }[keyof Values];

interface Values {
  readonly settings: MeshSettings;
  readonly service: ServiceFact;
  readonly workload: Workload;
  readonly gateway: GatewayFact;
  readonly 'external-service': ExternalService;
  readonly resource: Resource;
  readonly contract: Omit<ContractFact, 'descriptorSet'>;
}

interface PartOf<K extends keyof Values> {
  readonly is: K;
  readonly value: Values[K];
}

/** The parts of facts, by a name that tells them apart. */
export type Parts = ReadonlyMap<string, Part>;

// Facts share what did not change, so that a part is made and hashed once as long as it lasts.
const partOf = new WeakMap<object, Part>();
const digests = new WeakMap<Part, string>();

/** Takes facts apart; problems are none of history's. Equal facts (`===`) give equal parts. */
export function partsOf(facts: Facts): Parts {
  const parts = new Map<string, Part>();
  const add = (key: string, source: object, make: () => Part) => {
    const part = partOf.get(source) ?? make();
    partOf.set(source, part);
    parts.set(key, part);
  };
  add('settings', facts.settings, () => ({ is: 'settings', value: facts.settings }));
  for (const value of facts.services) {
    add(`Service ${value.namespace}/${value.name}`, value, () => ({ is: 'service', value }));
  }
  for (const value of facts.workloads) add(`Workload ${value.id}`, value, () => ({ is: 'workload', value }));
  for (const value of facts.gateways) add(`Gateway ${value.name}`, value, () => ({ is: 'gateway', value }));
  for (const value of facts.externalServices) {
    add(`ExternalService ${value.id}`, value, () => ({ is: 'external-service', value }));
  }
  for (const value of facts.resources) add(resourceName(value), value, () => ({ is: 'resource', value }));
  for (const contract of facts.contracts) {
    const { namespace, hash, origin } = contract;
    add(contractName(contract), contract, () => ({ is: 'contract', value: { namespace, hash, origin } }));
  }
  return parts;
}

/** Puts facts together again. Contracts whose descriptor set is no longer there are left out. */
export function factsOf(parts: Parts, descriptorSets: ReadonlyMap<string, Uint8Array>): Facts {
  const all = [...parts.values()];
  const [settings] = valuesOf(all, 'settings');
  return {
    settings: settings ?? defaultSettings,
    services: valuesOf(all, 'service'),
    workloads: valuesOf(all, 'workload'),
    gateways: valuesOf(all, 'gateway'),
    externalServices: valuesOf(all, 'external-service'),
    resources: valuesOf(all, 'resource'),
    contracts: valuesOf(all, 'contract').flatMap((contract) => {
      const descriptorSet = descriptorSets.get(contract.hash);
      return descriptorSet === undefined ? [] : { ...contract, descriptorSet };
    }),
    problems: [],
  };
}

function valuesOf<K extends keyof Values>(parts: readonly Part[], is: K): Values[K][] {
  return parts.filter((part): part is Part & PartOf<K> => part.is === is).map(({ value }) => value);
}

/** The name of a contract part. */
export function contractName({ namespace, hash }: Pick<ContractFact, 'namespace' | 'hash'>): string {
  return `contract ${namespace}/${hash}`;
}

/** A resource as its author knows it: "MeshOverride shop/calm". */
export function resourceName({ kind, metadata }: Resource): string {
  return `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`;
}

/** The content hash of all parts together, 12 hex digits; their order does not matter. */
export function revisionId(parts: Parts): string {
  const sorted = [...parts].sort(([a], [b]) => (a < b ? -1 : 1));
  const lines = sorted.map(([key, part]) => `${key} ${digestOf(part)}\n`);
  return createHash('sha256').update(lines.join('')).digest('hex').slice(0, 12);
}

/** Two parts say the same. */
export function samePart(a: Part | undefined, b: Part | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && digestOf(a) === digestOf(b));
}

function digestOf(part: Part): string {
  const known = digests.get(part);
  if (known !== undefined) return known;
  const digest = createHash('sha256').update(canonical(part.value)).digest('hex');
  digests.set(part, digest);
  return digest;
}

/** JSON with sorted keys: a part that went through a file must have the hash that it had before. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}
