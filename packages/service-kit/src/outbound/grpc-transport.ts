import type { DescMethod } from '@bufbuild/protobuf';
import { Code, type Transport } from '@connectrpc/connect';
import { compressionOf } from '../grpc/compression.ts';
import type { InflateLimits } from '../grpc/inflate-limit.ts';
import { defaultLimits } from '../grpc/limits.ts';
import { fromNodeHeaders } from '../grpc/metadata.ts';
import { answerError } from './answer-error.ts';
import { ClientCall } from './client-call.ts';
import type { OutboundConnections } from './connections.ts';
import { messageCodec } from './message-codec.ts';
import { requestHeaders } from './request-headers.ts';
import { callStreaming } from './streaming-call.ts';

/** Where the calls of a transport go. */
export interface GrpcTransportOptions {
  /** Asked for each call. */
  readonly connections: () => OutboundConnections;
  /** The callee's logical name. */
  readonly authority: string;
  /** What requests are compressed with when they are not small. Default: nothing. */
  readonly compression?: 'gzip' | undefined;
  /** Of each message of an answer. Default: defaultLimits. */
  readonly limits?: InflateLimits;
}

/** gRPC over HTTP/2 as a Transport of connect-es, whose errors are ConnectErrors. It has no interceptors: see interceptedTransport(). */
export function grpcTransport(options: GrpcTransportOptions): Transport {
  const { connections, authority, limits = defaultLimits } = options;
  const compression = compressionOf(options.compression);
  const encoding = compression?.name;
  return {
    unary: (method, signal, timeout, header, message) =>
      new Promise((resolve, reject) => {
        const timeoutMs = timeout || undefined;
        const headers = requestHeaders(authority, pathOf(method), header, { timeoutMs, encoding });
        const codec = messageCodec(method, compression);
        const request = codec.encode(message);
        let answer: Uint8Array | undefined;
        const onMessage = (bytes: Uint8Array) => {
          if (answer) throw answerError('the answer must be one message, not several', Code.Unimplemented);
          answer = bytes;
        };
        const onEnd = (error: unknown) => {
          if (error) return reject(error);
          if (!answer) return reject(answerError('the answer must be one message, not none', Code.Unimplemented));
          try {
            resolve({
              stream: false,
              service: method.parent,
              method,
              message: codec.decode(answer),
              // Made for who asks for them.
              get header() {
                return fromNodeHeaders(call.headers ?? {});
              },
              get trailer() {
                return fromNodeHeaders(call.trailers ?? {});
              },
            });
          } catch (wrong) {
            reject(wrong);
          }
        };
        const call = new ClientCall(
          connections(),
          { headers, request, timeoutMs, signal, limits },
          { onMessage, onEnd },
        );
      }),
    async stream(method, signal, timeout, header, messages) {
      const timeoutMs = timeout || undefined;
      const headers = requestHeaders(authority, pathOf(method), header, { timeoutMs, encoding });
      const codec = messageCodec(method, compression);
      return callStreaming(method, connections(), { headers, timeoutMs, signal, limits }, codec, messages);
    },
  };
}

function pathOf({ parent, name }: DescMethod): string {
  return `/${parent.typeName}/${name}`;
}
