import type { DescMethod, DescService, Registry } from '@bufbuild/protobuf';
import { openDescriptorSet } from '@weft/compiler/contracts/descriptor-set';
import { logicalNameOf } from '@weft/compiler/contracts/logical-name';

/** The contract that a fake implements. */
export interface FakeContract {
  readonly services: readonly DescService[];
  /** All types that its messages may contain. */
  readonly registry: Registry;
}

/** The services of a logical name in a descriptor set. Throws if the bytes are not a descriptor set. */
export function fakeContract(descriptorSet: Uint8Array, logicalName: string): FakeContract {
  const registry = openDescriptorSet(descriptorSet);
  const own = [...registry.files].filter(({ proto }) => logicalNameOf(proto.package) === logicalName);
  return { services: own.flatMap(({ services }) => services), registry };
}

/** All methods of a contract. */
export function methodsOf({ services }: Pick<FakeContract, 'services'>): readonly DescMethod[] {
  return services.flatMap(({ methods }) => methods);
}

/** "bank.payments.v1.PaymentService/Charge". */
export function methodName({ parent, name }: DescMethod): string {
  return `${parent.typeName}/${name}`;
}
