import {
  create,
  type DescMessage,
  fromBinary,
  isMessage,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { type Compression, minCompressBytes } from '../grpc/compression.ts';
import { compressedFlag, frameMessage } from '../grpc/frame.ts';
import { answerError } from './answer-error.ts';

/** The messages of a method as they go over the wire. */
export interface MessageCodec<I extends DescMessage, O extends DescMessage> {
  /** A framed message. Throws ConnectError INTERNAL for values that the message has no room for. */
  encode(message: MessageInitShape<I>): Buffer;
  /** Throws ConnectError INTERNAL for bytes that are no such message. */
  decode(bytes: Uint8Array): MessageShape<O>;
}

/** Messages of at least 1 KiB are compressed with `compression`, if any. */
export function messageCodec<I extends DescMessage, O extends DescMessage>(
  { input, output }: { readonly input: I; readonly output: O },
  compression: Compression | undefined,
): MessageCodec<I, O> {
  return {
    encode(message) {
      const bytes = toBytes(input, message);
      if (!compression || bytes.length < minCompressBytes) return frameMessage(bytes);
      return frameMessage(compression.compress(bytes), compressedFlag);
    },
    decode(bytes) {
      try {
        return fromBinary(output, bytes);
      } catch (error) {
        const wrong = answerError(`a message of the answer is no ${output.typeName}`, Code.Internal);
        wrong.cause = error;
        throw wrong;
      }
    },
  };
}

function toBytes<I extends DescMessage>(schema: I, message: MessageInitShape<I>): Uint8Array {
  try {
    return toBinary(schema, isMessage(message, schema) ? message : create(schema, message));
  } catch (error) {
    const text = `the request is no ${schema.typeName}: ${error instanceof Error ? error.message : String(error)}`;
    throw new ConnectError(text, Code.Internal, undefined, undefined, error);
  }
}
