import type { FileRegistry } from '@bufbuild/protobuf';
import type { ContractFact } from '../facts/facts.ts';
import type { ContractVersion } from '../model/contract.ts';
import type { Problem } from '../model/problem.ts';
import { elementName } from './complaint.ts';
import { openDescriptorSet, servicesByLogicalName } from './descriptor-set.ts';
import { readServices } from './service-policy.ts';

/** A contract as it was understood: either a version or problems, never both. */
export type ReadContract =
  | { readonly version: ContractVersion; readonly problems: readonly [] }
  | { readonly version?: undefined; readonly problems: readonly Problem[] };

/** Understands a descriptor set. Pure. A contract with any problem has no version, so that the last good one goes on serving. */
export function readContract(fact: ContractFact): ReadContract {
  const subject = { resource: fact.origin, ...(fact.refs ? { about: fact.refs } : {}) };
  const refuse = (message: string, advice?: string): ReadContract => ({
    problems: [{ ...subject, message, ...(advice === undefined ? {} : { advice }) }],
  });
  let registry: FileRegistry;
  try {
    registry = openDescriptorSet(fact.descriptorSet);
  } catch (error) {
    return refuse(
      `not a descriptor set: ${error instanceof Error ? error.message : String(error)}`,
      'the output of `buf build --as-file-descriptor-set`',
    );
  }
  const byName = servicesByLogicalName(registry);
  const [only, ...others] = byName;
  if (only === undefined) return refuse('there is no service in it');
  if (others.length > 0) {
    return refuse(
      `services of several packages: ${[...byName.keys()].join(', ')}`,
      'one descriptor set for each of them',
    );
  }
  const [logicalName, services] = only;
  const { policies, complaints } = readServices(services, fact.hash);
  if (complaints.length > 0) {
    return {
      problems: complaints.map(({ element, message, advice }) => ({
        ...subject,
        field: elementName(element),
        message,
        ...(advice === undefined ? {} : { advice }),
      })),
    };
  }
  return {
    problems: [],
    version: {
      hash: fact.hash,
      namespace: fact.namespace,
      logicalName,
      grpcServices: services.map(({ typeName }) => typeName).sort(),
      ...policies,
      descriptorSet: fact.descriptorSet,
      origin: fact.origin,
      ...(fact.refs ? { refs: fact.refs } : {}),
    },
  };
}
