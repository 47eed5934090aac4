import type { DescService } from '@bufbuild/protobuf';
import { elementName } from '../contracts/complaint.ts';
import { contractHash } from '../contracts/contract-hash.ts';
import { openDescriptorSet } from '../contracts/descriptor-set.ts';
import { isToolPackage, logicalNameOf } from '../contracts/logical-name.ts';
import { readServices } from '../contracts/service-policy.ts';
import { sourceLine } from '../contracts/source-line.ts';
import type { LogicalName, ServiceId } from '../model/mesh.ts';
import type { Problem } from '../model/problem.ts';
import type { Comparable, ComparableService } from './diff-meshes.ts';

/** Contracts as a mesh, and what of them has no effect. */
export interface ComparableContracts extends Comparable {
  readonly problems: readonly Problem[];
}

/**
 * The mesh that a tree of contracts would give with one replica of every service: for a comparison, without addresses or identities.
 * A contract with problems has no effect, so that of `previous` stays. Throws when the bytes are no descriptor set.
 */
export function meshOfContracts(descriptorSet: Uint8Array, previous?: Comparable): ComparableContracts {
  const byName = new Map<LogicalName, DescService[]>();
  for (const file of openDescriptorSet(descriptorSet).files) {
    const name = logicalNameOf(file.proto.package);
    if (file.services.length === 0 || isToolPackage(name)) continue;
    byName.set(name, [...(byName.get(name) ?? []), ...file.services]);
  }
  const hash = contractHash(descriptorSet);
  const services = new Map<ServiceId, ComparableService>();
  const problems: Problem[] = [];
  for (const [logicalName, found] of [...byName].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const id: ServiceId = `contracts/${logicalName}`;
    const { policies, complaints } = readServices(found, hash);
    for (const { element, message, advice } of complaints) {
      problems.push({
        resource: sourceLine(element),
        field: elementName(element),
        message: `${message}; the contract has no effect`,
        ...(advice === undefined ? {} : { advice }),
      });
    }
    const lastGood = previous?.services.get(id);
    if (complaints.length > 0) {
      if (lastGood) services.set(id, lastGood);
      continue;
    }
    const version = {
      ...policies,
      hash,
      namespace: 'contracts',
      logicalName,
      grpcServices: found.map(({ typeName }) => typeName).sort(),
      descriptorSet,
      origin: 'contracts',
    };
    services.set(id, {
      id,
      logicalName,
      identities: [],
      versions: new Map([[hash, version]]),
      methods: policies.methods,
      retryBudget: policies.retryBudget,
    });
  }
  return { services, gateways: new Map(), identities: new Map(), sharedIdentities: new Map(), problems };
}
