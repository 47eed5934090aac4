import type { ContractFact } from '../facts/facts.ts';
import type { ContractVersion } from '../model/contract.ts';
import type { Problem } from '../model/problem.ts';
import { type Complaint, elementName } from './complaint.ts';
import { servicesByLogicalName } from './descriptor-set.ts';
import { openContract } from './open-contract.ts';
import { readServices } from './service-policy.ts';
import { lineOf, sourceLine } from './source-line.ts';

/** How many problems of one contract are told; one is enough to refuse it. */
export const maxProblems = 20;

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
  const refuseAll = (complaints: readonly Complaint[]): ReadContract => ({
    problems: complaints.slice(0, maxProblems).map(({ element, message, advice }) => ({
      ...subject,
      field: placeName(element),
      message,
      ...(advice === undefined ? {} : { advice }),
    })),
  });
  const { registry, error, complaints: malformed = [] } = openContract(fact.descriptorSet);
  if (error) {
    return refuse(`not a descriptor set: ${error.message}`, 'the output of `buf build --as-file-descriptor-set`');
  }
  if (registry === undefined) return refuseAll(malformed);
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
  if (complaints.length > 0) return refuseAll(complaints);
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

/** An element, and its line where the set has source info: "bakery.orders.v1.OrderService/GetOrder (bakery/orders/v1/orders.proto:12)". */
function placeName(element: Complaint['element']): string {
  return lineOf(element) === undefined ? elementName(element) : `${elementName(element)} (${sourceLine(element)})`;
}
