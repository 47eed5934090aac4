import { openDescriptorSet } from '../contracts/descriptor-set.ts';
import { lineOf, sourceFile } from '../contracts/source-line.ts';
import type { Facts } from '../facts/facts.ts';
import type { ContractVersion } from '../model/contract.ts';
import type { Method, PolicyField } from '../model/method.ts';
import { groupOf, type ResourceRef, refWords } from '../model/resource-ref.ts';
import type { Service } from '../model/service.ts';
import type { ContractElement, Source } from './explanation.ts';

const optionNames: Readonly<Record<PolicyField, string>> = {
  callers: 'callers',
  denied: 'callers',
  exposed: 'exposure',
  deadlineMs: 'deadline',
  tryTimeoutMs: 'try_timeout',
  maxDurationMs: 'max_duration',
  idleTimeoutMs: 'idle_timeout',
  retry: 'retry',
  rateLimits: 'rate_limits',
  hedge: 'hedge',
  objective: 'objective',
  shadow: 'shadow',
  faults: 'faults',
  mirror: 'mirror',
};

/** Who says what a method's policy is, and where: "(weft.policy.v1.method).deadline, bakery/orders/v1/orders.proto", or "default". */
export function valueSource(field: PolicyField, method: Method, service: Service, facts: Facts): Source {
  const origin = method.origins[field];
  if (origin === undefined) return { source: 'default' };
  if (origin.is === 'resource') return { source: resourceSource(origin.ref, facts), resource: origin.ref };
  const option = optionNames[field];
  const element = contractElement({ ...origin, isOption: true }, versionOf(method, service));
  const name =
    origin.method !== undefined
      ? `(weft.policy.v1.method).${option}`
      : field === 'callers' || field === 'exposed'
        ? `(weft.policy.v1.service).${option}`
        : `(weft.policy.v1.service).defaults.${option}`;
  return element === undefined ? { source: name } : { source: `${name}, ${placeOf(element)}`, element };
}

/** A resource with the file that it is in: "MeshOverride bakery/calm (user/override.yaml)". */
export function resourceSource(ref: ResourceRef, facts: Facts): string {
  const resource = facts.resources.find(
    ({ apiVersion, kind, metadata }) =>
      kind === ref.kind &&
      metadata.name === ref.name &&
      (metadata.namespace ?? 'default') === ref.namespace &&
      groupOf(apiVersion) === ref.group,
  );
  return resource === undefined ? refWords(ref) : `${refWords(ref)} (${resource.origin})`;
}

/** Where an element stands: "bakery/orders/v1/orders.proto:12", without the line when the contract has none. */
export function placeOf({ file, line }: ContractElement): string {
  return line === undefined ? file : `${file}:${line}`;
}

/** Finds a part of a contract; undefined: it has no such service. */
export function contractElement(
  { service: typeName, method: methodName, isOption }: Pick<ContractElement, 'service' | 'method' | 'isOption'>,
  version: ContractVersion | undefined,
): ContractElement | undefined {
  const service = version && openDescriptorSet(version.descriptorSet).getService(typeName);
  if (version === undefined || service === undefined) return undefined;
  const method = service.methods.find(({ name }) => name === methodName);
  const line = lineOf(method ?? service);
  return {
    contractHash: version.hash,
    file: sourceFile(service),
    ...(line === undefined ? {} : { line }),
    service: typeName,
    ...(method === undefined ? {} : { method: method.name }),
    isOption,
  };
}

/** The version that describes a method. */
export function versionOf(method: Method, service: Service): ContractVersion | undefined {
  return service.versions.get(method.versions[0] ?? '') ?? [...service.versions.values()][0];
}
