import { compressionBrotli, compressionGzip } from '@connectrpc/connect-node';

/** How requests of Connect and gRPC-Web may be compressed, and their answers. */
export const acceptedCompressions = [compressionGzip, compressionBrotli];

const names = acceptedCompressions.map(({ name }) => name);

/** Which header says what a request is compressed with, and which one of the answer says what is known. */
const headers = [
  ['content-encoding', 'accept-encoding'],
  ['connect-content-encoding', 'connect-accept-encoding'],
  ['grpc-encoding', 'grpc-accept-encoding'],
] as const;

/**
 * The header that goes with the refusal of a request whose compression is not known; undefined when it is. connect drops it from the
 * errors of Connect and puts it behind the body in gRPC-Web. See https://connectrpc.com/docs/protocol and
 * https://github.com/grpc/grpc/blob/master/doc/compression.md.
 */
export function acceptedEncodings(request: Headers): readonly [name: string, value: string] | undefined {
  for (const [sent, accepted] of headers) {
    const encoding = request.get(sent);
    if (encoding !== null && encoding !== 'identity' && !names.includes(encoding)) return [accepted, names.join(',')];
  }
  return undefined;
}
