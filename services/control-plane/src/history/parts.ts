import { defaultSettings } from '@weft/compiler/facts/default-settings';
import { contractFactKey, serviceKey } from '@weft/compiler/facts/fact-collections';
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

/** A part under the name that tells it apart. */
export type NamedPart = readonly [name: string, part: Part];

/** The part that each kind of fact is; undefined: the fact says nothing. By the name of its list in `Facts`. */
export const partMakers = {
  settings: (value: MeshSettings): NamedPart | undefined =>
    value === defaultSettings ? undefined : ['settings', { is: 'settings', value }],
  services: (value: ServiceFact): NamedPart => [`Service ${serviceKey(value)}`, { is: 'service', value }],
  workloads: (value: Workload): NamedPart => [`Workload ${value.id}`, { is: 'workload', value }],
  gateways: (value: GatewayFact): NamedPart => [`Gateway ${value.name}`, { is: 'gateway', value }],
  externalServices: (value: ExternalService): NamedPart => [
    `ExternalService ${value.id}`,
    { is: 'external-service', value },
  ],
  resources: (value: Resource): NamedPart => [resourceName(value), { is: 'resource', value }],
  contracts: ({ namespace, hash, origin }: ContractFact): NamedPart => [
    contractName({ namespace, hash }),
    { is: 'contract', value: { namespace, hash, origin } },
  ],
};

/** Takes facts apart. Problems are not configuration. */
export function partsOf(facts: Facts): Parts {
  const settings = partMakers.settings(facts.settings);
  return new Map([
    ...(settings === undefined ? [] : [settings]),
    ...facts.services.map(partMakers.services),
    ...facts.workloads.map(partMakers.workloads),
    ...facts.gateways.map(partMakers.gateways),
    ...facts.externalServices.map(partMakers.externalServices),
    ...facts.resources.map(partMakers.resources),
    ...facts.contracts.map(partMakers.contracts),
  ]);
}

/** Puts facts together again. Contracts whose descriptor set is no longer there are left out. */
export function factsOf(parts: Parts, descriptorSets: ReadonlyMap<string, Uint8Array>): Facts {
  const all = [...parts.values()];
  const [settings] = valuesOf(all, 'settings');
  return {
    // An older control plane has written fewer settings.
    settings: settings === undefined ? defaultSettings : { ...defaultSettings, ...settings },
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
export function contractName(contract: Pick<ContractFact, 'namespace' | 'hash'>): string {
  return `contract ${contractFactKey(contract)}`;
}

/** A resource as its author knows it: "MeshOverride shop/calm"; of another group than ours "HTTPRoute.gateway.networking.k8s.io shop/a". */
export function resourceName({ apiVersion, kind, metadata }: Resource): string {
  const group = apiVersion.slice(0, Math.max(0, apiVersion.indexOf('/')));
  const type = group === 'weft.dev' ? kind : `${kind}.${group}`;
  return `${type} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`;
}
