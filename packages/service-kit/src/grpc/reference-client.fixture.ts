import { Client, type ClientOptions, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';

/** A client of @grpc/grpc-js for messages as bytes: the reference that our server must please. */
export function referenceClient(target: string, options: ClientOptions = {}): Client {
  return new Client(target, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1, ...options });
}

export const bytes = (value: Uint8Array): Buffer => Buffer.from(value);

/** One unary call: what it was answered with, or the error. */
export function callUnary(
  client: Client,
  path: string,
  request: Uint8Array,
  options: { readonly metadata?: Metadata; readonly deadline?: number } = {},
): Promise<{ response?: Buffer; error?: ServiceError; headers?: Metadata; trailers?: Metadata }> {
  return new Promise((resolve) => {
    let headers: Metadata | undefined;
    let result: { response?: Buffer; error?: ServiceError } = {};
    const call = client.makeUnaryRequest(
      path,
      bytes,
      bytes,
      Buffer.from(request),
      options.metadata ?? new Metadata(),
      options.deadline === undefined ? {} : { deadline: options.deadline },
      (error, response) => {
        result = { ...(error && { error }), ...(response && { response: Buffer.from(response) }) };
      },
    );
    call.on('metadata', (received) => {
      headers = received;
    });
    call.on('status', ({ metadata }) =>
      setImmediate(() => resolve({ ...result, trailers: metadata, ...(headers && { headers }) })),
    );
  });
}
