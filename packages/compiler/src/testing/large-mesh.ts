import { contractHash } from '../contracts/contract-hash.ts';
import { defaultSettings } from '../facts/default-settings.ts';
import type { ContractFact, Facts, ServiceFact } from '../facts/facts.ts';
import type { WorkloadId } from '../model/mesh.ts';
import type { Workload } from '../model/workload.ts';
import { tinyContract } from './tiny-contract.ts';

/** How many pods each Service of a large mesh has. */
export const podsEach = 5;

/** One namespace with so many Services of five ready pods, without contracts: everybody may call everybody. */
export function largeMesh(services: number): Facts {
  return {
    settings: defaultSettings,
    services: Array.from({ length: services }, (_, index) => serviceFact(index)),
    workloads: Array.from({ length: services * podsEach }, (_, index) =>
      podFact(Math.floor(index / podsEach), index % podsEach),
    ),
    contracts: [],
    gateways: [],
    externalServices: [],
    resources: [],
    problems: [],
  };
}

/** A Service of a large mesh. */
export function serviceFact(index: number): ServiceFact {
  const name = `service-${index}`;
  return {
    namespace: 'bakery',
    name,
    selector: { app: name },
    ports: [{ port: 80, targetPort: 8080, appProtocol: 'grpc' }],
    addresses: [`10.96.${index >> 8}.${index & 255}`],
    headless: false,
    origin: `Service bakery/${name}`,
  };
}

/** A pod of a Service of a large mesh. */
export function podFact(service: number, replica: number, ready = true): Workload {
  const name = `service-${service}-${replica}`;
  const index = service * podsEach + replica;
  return {
    id: `bakery/${name}`,
    namespace: 'bakery',
    name,
    labels: { app: `service-${service}`, 'pod-template-hash': '5d4f8c7b9' },
    serviceAccount: `service-${service}`,
    spiffeId: `spiffe://weft.local/ns/bakery/sa/service-${service}`,
    inbound: [],
    pod: {
      addresses: [`10.${1 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`],
      interception: 'redirect',
      portNames: { grpc: 8080 },
    },
    ready,
    locality: { region: 'eu-1', zone: `eu-1${'abc'[replica % 3]}` },
  };
}

/** The pods whose proxies connect: one replica of each of the first Services. */
export function connectedPods(count: number, replica = 0): WorkloadId[] {
  return Array.from({ length: count }, (_, index): WorkloadId => `bakery/service-${index}-${replica}`);
}

/** A large mesh in which every Service has a contract that admits the next Service alone, which says that it calls. */
export function contractMesh(services: number): Facts {
  const facts = largeMesh(services);
  const contracts = facts.services.map((_, index) => contractFact(index));
  const workloads = facts.workloads.map((pod, index) =>
    runningPod(pod, contracts[Math.floor(index / podsEach)]?.hash ?? ''),
  );
  const settings = { ...facts.settings, packages: [{ namespace: 'bakery', protoPackage: 'bakery' }] };
  return { ...facts, settings, contracts, workloads };
}

/** The contract of a Service of such a mesh. */
export function contractFact(service: number, method = 'Call'): ContractFact {
  const names = [`bakery.service_${service + 1}`];
  const calls = [`bakery.service_${service - 1}`];
  const descriptorSet = tinyContract(`bakery.service_${service}`, { Get: {}, [method]: {} }, { callers: names, calls });
  const hash = contractHash(descriptorSet);
  return { namespace: 'bakery', hash, descriptorSet, origin: `contracts/bakery/service-${service}.binpb` };
}

/** A pod that runs a contract. */
export function runningPod(pod: Workload, hash: string): Workload {
  return { ...pod, contractHash: hash };
}
