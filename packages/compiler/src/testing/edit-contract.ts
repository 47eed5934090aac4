import { create, fromBinary, getExtension, type MessageInitShape, setExtension, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema, MethodOptionsSchema, ServiceOptionsSchema } from '@bufbuild/protobuf/wkt';
import {
  MethodPolicySchema,
  method as methodOption,
  ServicePolicySchema,
  service as serviceOption,
} from '@weft/policy/weft/policy/v1/policy';

/** A descriptor set with other words in the policy of one method: what is given replaces what is there. */
export function withPolicy(
  descriptorSet: Uint8Array,
  method: string,
  policy: MessageInitShape<typeof MethodPolicySchema>,
): Uint8Array {
  const set = fromBinary(FileDescriptorSetSchema, descriptorSet);
  for (const found of set.file.flatMap((file) => file.service).flatMap((service) => service.method)) {
    if (found.name !== method) continue;
    found.options ??= create(MethodOptionsSchema);
    const before = getExtension(found.options, methodOption);
    setExtension(found.options, methodOption, replaced(before, policy, create(MethodPolicySchema, policy)));
  }
  return toBinary(FileDescriptorSetSchema, set);
}

/** A descriptor set with other words in the policy of its services. */
export function withServicePolicy(
  descriptorSet: Uint8Array,
  policy: MessageInitShape<typeof ServicePolicySchema>,
): Uint8Array {
  const set = fromBinary(FileDescriptorSetSchema, descriptorSet);
  for (const service of set.file.flatMap((file) => file.service)) {
    service.options ??= create(ServiceOptionsSchema);
    const before = getExtension(service.options, serviceOption);
    setExtension(service.options, serviceOption, replaced(before, policy, create(ServicePolicySchema, policy)));
  }
  return toBinary(FileDescriptorSetSchema, set);
}

/** A descriptor set without some methods. */
export function withoutMethods(descriptorSet: Uint8Array, ...names: string[]): Uint8Array {
  const set = fromBinary(FileDescriptorSetSchema, descriptorSet);
  for (const service of set.file.flatMap((file) => file.service)) {
    service.method = service.method.filter(({ name }) => !names.includes(name));
  }
  return toBinary(FileDescriptorSetSchema, set);
}

/** `before` with those fields of `given` that `named` has. */
function replaced<T extends object>(before: T, named: object, given: T): T {
  for (const key of Object.keys(named)) Reflect.set(before, key, Reflect.get(given, key));
  return before;
}
