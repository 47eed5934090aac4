import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import type { Code } from '@connectrpc/connect';

/** A google.rpc.* message that explains an error to programs. */
export interface ErrorDetail<Desc extends DescMessage = DescMessage> {
  readonly desc: Desc;
  readonly value: MessageInitShape<Desc>;
}

/** The optional parts of a ServiceError. */
export interface ServiceErrorOptions {
  /** Sent to the client. */
  readonly details?: readonly ErrorDetail[];
  /** Logged, never sent. */
  readonly cause?: unknown;
}

/** An error for the client: its code, message and details are sent, its cause is only logged. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly code: Code;
  readonly details: readonly ErrorDetail[];

  constructor(code: Code, message: string, options: ServiceErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? [];
  }
}
