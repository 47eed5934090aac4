import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import type { Code } from '@connectrpc/connect';

/** A google.rpc.* message that explains an error to programs. */
export interface ErrorDetail<Desc extends DescMessage = DescMessage> {
  readonly desc: Desc;
  readonly value: MessageInitShape<Desc>;
}

/** What a ServiceError may carry beyond its code and message. */
export interface ServiceErrorOptions {
  /** Sent to the client. */
  readonly details?: readonly ErrorDetail[];
  /** Logged, never sent. */
  readonly cause?: unknown;
}

/** An error that is an answer: its code, message and details go to the client, its cause only to the log. */
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
