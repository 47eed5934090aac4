import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import type { Limits } from '../grpc/limits.ts';
import { validation } from '../rules/validation.ts';
import { ServiceError } from '../service-error.ts';
import { limitElements } from './count-elements.ts';

/**
 * Reads messages of a type: within `limits`, and valid by their contract.
 * Throws ServiceError or GrpcError: RESOURCE_EXHAUSTED above a limit, INVALID_ARGUMENT for what is not such a message or breaks its rules.
 */
export function messageReader<Desc extends DescMessage>(
  schema: Desc,
  limits: Limits,
): (bytes: Uint8Array) => MessageShape<Desc> {
  const validate = validation(schema, limits);
  return (bytes) => {
    limitElements(schema, bytes, limits);
    let message: MessageShape<Desc>;
    try {
      message = fromBinary(schema, bytes, { recursionLimit: limits.maxDepth });
    } catch (error) {
      throw new ServiceError(Code.InvalidArgument, `the request is not a ${schema.typeName}`, { cause: error });
    }
    validate?.(message);
    return message;
  };
}
