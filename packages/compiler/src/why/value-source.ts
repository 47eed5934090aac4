import type { FileRegistry } from '@bufbuild/protobuf';
import { openDescriptorSet } from '../contracts/descriptor-set.ts';
import { sourceLine } from '../contracts/source-line.ts';
import type { Facts } from '../facts/facts.ts';
import type { ContractVersion } from '../model/contract.ts';
import type { Method, PolicyField } from '../model/method.ts';
import type { Service } from '../model/service.ts';

const optionNames: Readonly<Record<PolicyField, string>> = {
  callers: 'callers',
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

/** Who says what a method's policy is, and where: "(weft.policy.v1.method).deadline, shop/orders/v1/orders.proto", or "default". */
export function valueSource(field: PolicyField, method: Method, service: Service, facts: Facts): string {
  const origin = method.origins[field];
  if (origin === undefined) return 'default';
  if (origin.startsWith('Mesh')) return resourceSource(origin, facts);
  const option = optionNames[field];
  const file = protoFile(origin, versionOf(method, service));
  const ofMethod = origin.includes('/');
  const name = ofMethod
    ? `(weft.policy.v1.method).${option}`
    : field === 'callers' || field === 'exposed'
      ? `(weft.policy.v1.service).${option}`
      : `(weft.policy.v1.service).defaults.${option}`;
  return file === undefined ? name : `${name}, ${file}`;
}

/** A resource with the file that it is in: "MeshOverride shop/calm (user/override.yaml)". */
export function resourceSource(name: string, facts: Facts): string {
  const resource = facts.resources.find(
    ({ kind, metadata }) => name === `${kind} ${metadata.namespace ?? 'default'}/${metadata.name}`,
  );
  return resource === undefined ? name : `${name} (${resource.origin})`;
}

/** The .proto file of an element, with its line when the contract has them: "shop/orders/v1/orders.proto:12". */
export function protoFile(element: string, version: ContractVersion | undefined): string | undefined {
  const [typeName = '', methodName] = element.split('/');
  const service = version && registryOf(version)?.getService(typeName);
  if (service === undefined) return undefined;
  return sourceLine(service.methods.find(({ name }) => name === methodName) ?? service);
}

/** The version that describes a method. */
export function versionOf(method: Method, service: Service): ContractVersion | undefined {
  return service.versions.get(method.versions[0] ?? '') ?? [...service.versions.values()][0];
}

/** Decoding a descriptor set costs milliseconds, and one explanation asks many times. An entry goes with its version. */
const registries = new WeakMap<ContractVersion, FileRegistry | 'none'>();

function registryOf(version: ContractVersion): FileRegistry | undefined {
  let registry = registries.get(version);
  if (registry === undefined) {
    registry = decoded(version);
    registries.set(version, registry);
  }
  return registry === 'none' ? undefined : registry;
}

function decoded({ descriptorSet }: ContractVersion): FileRegistry | 'none' {
  try {
    return openDescriptorSet(descriptorSet);
  } catch {
    // A service without a contract has an empty set.
    return 'none';
  }
}
