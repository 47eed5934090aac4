import { defaultRetryBudget } from '../contracts/service-policy.ts';
import type { ContractVersion } from '../model/contract.ts';
import type { ServiceId } from '../model/mesh.ts';
import { partsOfId } from '../model/names.ts';
import { serviceRef } from '../model/resource-ref.ts';

/** Stands in a contract's place where there is none: no name, no hash, and no method until a MeshPolicy names one. */
export function noContract(service: ServiceId): ContractVersion {
  return {
    hash: '',
    namespace: partsOfId(service).namespace,
    // What is told to callers; no rule can name it.
    logicalName: service,
    grpcServices: [],
    methods: new Map(),
    retryBudget: defaultRetryBudget,
    calls: [],
    descriptorSet: new Uint8Array(),
    origin: `MeshPolicies of Service ${service}`,
    refs: [serviceRef(service)],
  };
}
