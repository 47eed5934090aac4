import { openDescriptorSet } from '@weft/compiler/contracts/descriptor-set';
import { edgeName, logicalNameOf } from '@weft/compiler/contracts/logical-name';
import { readServices } from '@weft/compiler/contracts/service-policy';

/** A unary method and who may call it. */
export interface ContractCall {
  /** "/shop.orders.v1.OrderService/GetOrder". */
  readonly path: string;
  /** Logical names, without the edge. */
  readonly callers: readonly string[];
  /** The edge serves it. */
  readonly exposed: boolean;
}

/** The unary methods that a descriptor set defines for `logicalName`, by path. Throws when the bytes are no descriptor set. */
export function contractCalls(descriptorSet: Uint8Array, logicalName: string): ContractCall[] {
  const files = [...openDescriptorSet(descriptorSet).files];
  const own = files.filter(({ proto }) => logicalNameOf(proto.package) === logicalName);
  const { policies } = readServices(
    own.flatMap(({ services }) => services),
    '',
  );
  return [...policies.methods.values()].flatMap(({ kind, path, callers, exposed }) =>
    kind === 'unary' ? { path, callers: [...callers].filter((caller) => caller !== edgeName), exposed } : [],
  );
}
