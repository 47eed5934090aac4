import { create, setExtension, toBinary } from '@bufbuild/protobuf';
import {
  durationFromMs,
  FileDescriptorSetSchema,
  MethodOptions_IdempotencyLevel as Level,
  MethodOptionsSchema,
  ServiceOptionsSchema,
} from '@bufbuild/protobuf/wkt';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import {
  MethodPolicySchema,
  method as methodOption,
  ServicePolicySchema,
  service as serviceOption,
} from '@weft/policy/weft/policy/v1/policy';

/** The namespace, and the proto package, of everything that is made here. */
export const namespace = 'bench';

/** A mesh of services that are all alike: "s0".."s<n-1>", each calling those after it, around the circle. */
export interface SyntheticPlan {
  readonly services: number;
  /** Unary methods of each service. */
  readonly methods: number;
  /** Replicas of each service. */
  readonly replicas: number;
  /** How many services each one calls. */
  readonly callees: number;
  /** One more service, with one replica, that every other one may call. */
  readonly hub?: boolean;
}

/** The name of the service that everybody may call. */
export const hub = 'hub';

/** Replicas of a plan, by name: "s0-0". */
export function replicaNames({ services, replicas }: SyntheticPlan): string[] {
  const names = Array.from({ length: services }, (_, i) =>
    Array.from({ length: replicas }, (_, replica) => `s${i}-${replica}`),
  );
  // One replica of each service before the second of any, so that the first n of them are of as many services.
  return Array.from({ length: replicas }, (_, replica) => names.flatMap((of) => of[replica] ?? [])).flat();
}

/** The mesh directory of a plan, in memory. */
export function syntheticMesh(plan: SyntheticPlan): MeshDirectory {
  const { services, methods, replicas, callees } = plan;
  const mesh = new MeshDirectory({ packages: [{ namespace, protoPackage: namespace }] });
  for (let i = 0; i < services; i++) {
    const name = `s${i}`;
    const callers = Array.from({ length: callees }, (_, k) => `s${(i - 1 - k + 2 * services) % services}`);
    const set = syntheticContract({ name, methods, callers, calls: callsOf(plan, i) });
    mesh.service(name, namespace).contract(namespace, name, set);
    for (let replica = 0; replica < replicas; replica++) putReplica(mesh, `${name}-${replica}`, contractHash(set));
  }
  if (plan.hub) {
    const callers = Array.from({ length: services }, (_, i) => `s${i}`);
    const set = syntheticContract({ name: hub, methods, callers });
    mesh.service(hub, namespace).contract(namespace, hub, set);
    putReplica(mesh, `${hub}-0`, contractHash(set));
  }
  return mesh;
}

/** Whom a service of a plan says it calls: all that name it. */
export function callsOf({ services, callees, hub: hasHub = false }: SyntheticPlan, service: number): string[] {
  const others = Array.from({ length: callees }, (_, k) => `s${(service + 1 + k) % services}`);
  return hasHub ? [...others, hub] : others;
}

/** Writes one replica: its contract version, and whether it takes calls. */
export function putReplica(mesh: MeshDirectory, name: string, contract: string, ready = true): void {
  mesh.replica(name, {
    namespace,
    contract,
    ready,
    inbound: '127.0.0.1:20001',
    application: '127.0.0.1:3000',
    outbound: '127.0.0.1:20002',
  });
}

/** What makes a contract unlike the next. */
export interface SyntheticContract {
  readonly name: string;
  readonly methods: number;
  /** Without the package: "s1". */
  readonly callers: readonly string[];
  /** Likewise. Default: none. */
  readonly calls?: readonly string[];
  /** Of the first method. Default: 1000. */
  readonly deadlineMs?: number;
}

/** A descriptor set of one service of unary methods, each with a deadline and retries of its own. */
export function syntheticContract(contract: SyntheticContract): Uint8Array {
  const { name, methods, callers, calls = [], deadlineMs = 1000 } = contract;
  const serviceOptions = create(ServiceOptionsSchema);
  const logical = (one: string) => `${namespace}.${one}`;
  const policy = create(ServicePolicySchema, { callers: callers.map(logical), calls: calls.map(logical) });
  setExtension(serviceOptions, serviceOption, policy);
  const protoPackage = `${namespace}.${name}.v1`;
  const method = Array.from({ length: methods }, (_, i) => {
    const options = create(MethodOptionsSchema, { idempotencyLevel: Level.IDEMPOTENT });
    const deadline = durationFromMs(i === 0 ? deadlineMs : 1000 + i);
    setExtension(options, methodOption, create(MethodPolicySchema, { deadline, retry: { maxRetries: 2 } }));
    return { name: `Method${i}`, inputType: `.${protoPackage}.Thing`, outputType: `.${protoPackage}.Thing`, options };
  });
  return toBinary(
    FileDescriptorSetSchema,
    create(FileDescriptorSetSchema, {
      file: [
        {
          name: `${namespace}/${name}/v1/${name}.proto`,
          package: protoPackage,
          syntax: 'proto3',
          messageType: [{ name: 'Thing' }],
          service: [{ name: 'ThingService', method, options: serviceOptions }],
        },
      ],
    }),
  );
}
