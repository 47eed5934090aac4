import { createFileRegistry, type DescMethod, fromBinary, getOption, hasOption } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { Exposure, method as methodPolicy, service as servicePolicy } from '@weft/contracts/weft/policy/v1/policy';

/** A unary method and who may call it. */
export interface ContractCall {
  /** "/shop.orders.v1.OrderService/GetOrder". */
  readonly path: string;
  /** Logical names. */
  readonly callers: readonly string[];
  /** The edge serves it. */
  readonly exposed: boolean;
}

/** The unary methods that a descriptor set defines for `logicalName`. */
export function contractCalls(descriptorSet: Uint8Array, logicalName: string): ContractCall[] {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));
  const calls: ContractCall[] = [];
  for (const descriptor of registry) {
    if (descriptor.kind !== 'service' || withoutVersion(descriptor.file.proto.package) !== logicalName) continue;
    for (const method of descriptor.methods) {
      if (method.methodKind === 'unary') calls.push(call(method));
    }
  }
  return calls;
}

function call(method: DescMethod): ContractCall {
  const own = hasOption(method, methodPolicy) ? getOption(method, methodPolicy) : undefined;
  const shared = hasOption(method.parent, servicePolicy) ? getOption(method.parent, servicePolicy) : undefined;
  const exposure = own?.exposure || shared?.defaults?.exposure || shared?.exposure;
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    callers: own?.callers?.names ?? shared?.callers ?? [],
    exposed: exposure === Exposure.EDGE,
  };
}

/** "shop.orders.v1" is a version of "shop.orders". */
export function withoutVersion(protoPackage: string): string {
  return protoPackage.replace(/\.v\d+((alpha|beta)\d*)?$/, '');
}
