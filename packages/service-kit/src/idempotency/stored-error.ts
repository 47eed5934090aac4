import { create, createRegistry, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { file_google_rpc_error_details } from '@weft/policy/google/rpc/error_details';
import { type ErrorDetail, ServiceError } from '../service-error.ts';

/** An error as it is stored: what its caller saw, and nothing else. */
export interface StoredError {
  readonly code: number;
  readonly message: string;
  /** Messages of google.rpc, base64. */
  readonly details: readonly { readonly type: string; readonly value: string }[];
}

/** Codes that a repeat of the same request would get again. */
const finalCodes: ReadonlySet<Code> = new Set([
  Code.InvalidArgument,
  Code.NotFound,
  Code.AlreadyExists,
  Code.PermissionDenied,
  Code.FailedPrecondition,
  Code.OutOfRange,
  Code.Unimplemented,
]);

const details = createRegistry(file_google_rpc_error_details);

/** The error to store; undefined for one that a repeat may mend. */
export function toStoredError(error: unknown): StoredError | undefined {
  if (!(error instanceof ServiceError || error instanceof ConnectError) || !finalCodes.has(error.code))
    return undefined;
  return {
    code: error.code,
    message: error instanceof ConnectError ? error.rawMessage : error.message,
    details: error.details.map((detail) => {
      if ('desc' in detail) {
        const value = toBinary(detail.desc, create(detail.desc, detail.value));
        return { type: detail.desc.typeName, value: Buffer.from(value).toString('base64') };
      }
      return { type: detail.type, value: Buffer.from(detail.value).toString('base64') };
    }),
  };
}

/** The error to throw again. Details of other packages than google.rpc are left out. */
export function fromStoredError(stored: StoredError): ServiceError {
  const known = stored.details.flatMap(({ type, value }): ErrorDetail[] => {
    const desc = details.getMessage(type);
    return desc ? [{ desc, value: fromBinary(desc, Buffer.from(value, 'base64')) }] : [];
  });
  return new ServiceError(stored.code, stored.message, { details: known });
}
