import { openDescriptorSet } from '@weft/compiler/contracts/descriptor-set';
import { logicalNameOf } from '@weft/compiler/contracts/logical-name';
import { readServices } from '@weft/compiler/contracts/service-policy';
import { isExposed } from '@weft/compiler/model/method';
import { edgeName } from '@weft/compiler/model/names';

/** A unary method and who may call it. */
export interface ContractCall {
  /** "/bakery.orders.v1.OrderService/GetOrder". */
  readonly path: string;
  /** Logical names, without the edge. */
  readonly callers: readonly string[];
  /** The edge serves it. */
  readonly exposed: boolean;
}

/** The unary methods that a descriptor set defines for `logicalName`, by path. Throws if the bytes are not a descriptor set. */
export function contractCalls(descriptorSet: Uint8Array, logicalName: string): ContractCall[] {
  const files = [...openDescriptorSet(descriptorSet).files];
  const own = files.filter(({ proto }) => logicalNameOf(proto.package) === logicalName);
  const { policies } = readServices(
    own.flatMap(({ services }) => services),
    '',
  );
  const unary = [...policies.methods.values()].filter(({ kind }) => kind === 'unary');
  return unary.map((method) => ({
    path: method.path,
    callers: [...method.callers].filter((caller) => caller !== edgeName),
    exposed: isExposed(method),
  }));
}
