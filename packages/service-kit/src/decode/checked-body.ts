import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { type DescMethod, fromBinary } from '@bufbuild/protobuf';
import { base64Decode } from '@bufbuild/protobuf/wire';
import { Code, ConnectError } from '@connectrpc/connect';
import type { universalRequestFromNodeRequest } from '@connectrpc/connect-node';
import { compressedFlag, FrameReader, frameMessage, tooLarge } from '../grpc/frame.ts';
import { type Decompress, inflate } from '../grpc/inflate-limit.ts';
import type { Limits } from '../grpc/limits.ts';
import { GrpcError, grpcCode } from '../grpc/status.ts';
import { limitElements } from './count-elements.ts';
import { exactInt64s } from './exact-int64.ts';
import { limitJson } from './json-limits.ts';

type Request = Pick<ReturnType<typeof universalRequestFromNodeRequest>, 'method' | 'url' | 'header'>;
type Chunks = AsyncIterableIterator<Uint8Array>;

const decompressors: Readonly<Record<string, Decompress>> = { gzip: gunzipSync, br: brotliDecompressSync };

/**
 * A request of Connect or gRPC-Web whose messages are inflated and within `limits` before Connect's own decoder sees them, and whose JSON
 * loses no digit of an int64. A GET comes out as the POST that means the same. The body throws ConnectError: RESOURCE_EXHAUSTED or
 * INVALID_ARGUMENT.
 */
export function checkedRequest<R extends Request>(request: R, body: Chunks, method: DescMethod, limits: Limits) {
  const { kind, isJson, encoding } = formatOf(request);
  const decompress = decompressors[encoding ?? ''];
  // Connect answers what it does not know.
  if (kind === 'unknown' || (encoding !== null && encoding !== 'identity' && !decompress)) return { ...request, body };
  const check = (message: Uint8Array, isCompressed: boolean): Uint8Array => {
    if (isCompressed && !decompress)
      throw new GrpcError(grpcCode.internal, 'a message is marked as compressed, but there is no encoding');
    const plain =
      isCompressed && decompress && message.length > 0 ? inflate(encoding ?? '', decompress, message, limits) : message;
    if (isJson) return checkedJson(method, plain, limits);
    checkBinary(method, plain, limits);
    return plain;
  };
  if (kind === 'framed') return { ...request, body: transform(body, (chunks) => checkedFrames(chunks, limits, check)) };

  const header = new Headers(request.header);
  header.delete('content-encoding');
  header.delete('content-length');
  const wholeOf = (message: Uint8Array) => check(message, decompress !== undefined);
  if (kind === 'whole') {
    const announced = Number(request.header.get('content-length') ?? 0);
    const whole = transform(body, (chunks) => checkedWhole(chunks, announced, limits, wholeOf));
    return { ...request, header, body: whole };
  }
  const { searchParams } = new URL(request.url);
  header.set('content-type', isJson ? 'application/json' : 'application/proto');
  return { ...request, method: 'POST', header, body: transform(body, () => checkedQuery(searchParams, wholeOf)) };
}

/** How a request's messages come: one body, one query, frames with a prefix, or in no way that is known. */
function formatOf({ method, url, header }: Request) {
  if (method === 'GET') {
    const { searchParams } = new URL(url);
    const codec = searchParams.get('encoding');
    const kind = codec === 'json' || codec === 'proto' ? ('query' as const) : ('unknown' as const);
    return { kind, isJson: codec === 'json', encoding: searchParams.get('compression') };
  }
  const [, format = '', codec = 'proto'] =
    /^application\/(?:(connect|grpc-web)(?:\+|(?=$|\s|;))|(?=json|proto))(json|proto)?\s*(?:;|$)/i.exec(
      header.get('content-type') ?? '',
    ) ?? [undefined, 'none'];
  const isJson = codec.toLowerCase() === 'json';
  if (format === 'none') return { kind: 'unknown' as const, isJson, encoding: null };
  if (format === '') return { kind: 'whole' as const, isJson, encoding: header.get('content-encoding') };
  const name = format.toLowerCase() === 'connect' ? 'connect-content-encoding' : 'grpc-encoding';
  return { kind: 'framed' as const, isJson, encoding: header.get(name) };
}

/** Decodes once more than Connect, whose decoder calls all that it cannot read INTERNAL, as if the service had failed. */
function checkBinary({ input }: DescMethod, message: Uint8Array, limits: Limits): void {
  limitElements(input, message, limits);
  try {
    fromBinary(input, message, { recursionLimit: limits.maxDepth });
  } catch (cause) {
    throw new GrpcError(grpcCode.invalidArgument, `the request is not a ${input.typeName}`, { cause });
  }
}

/** Fatal: what is not UTF-8 is not JSON. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

function checkedJson({ input }: DescMethod, json: Uint8Array, limits: Limits): Uint8Array {
  let text: string;
  try {
    text = utf8.decode(json);
  } catch (cause) {
    throw new GrpcError(grpcCode.invalidArgument, 'the request is not UTF-8', { cause });
  }
  return limitJson(text, limits) ? Buffer.from(exactInt64s(input, text)) : json;
}

async function* checkedWhole(
  chunks: AsyncIterable<Uint8Array>,
  announced: number,
  { maxMessageBytes }: Limits,
  check: (message: Uint8Array) => Uint8Array,
): AsyncGenerator<Uint8Array> {
  if (announced > maxMessageBytes) throw tooLarge(announced, maxMessageBytes);
  const held: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > maxMessageBytes) throw tooLarge(`more than ${maxMessageBytes}`, maxMessageBytes);
    held.push(chunk);
  }
  yield check(Buffer.concat(held));
}

async function* checkedQuery(
  query: URLSearchParams,
  check: (message: Uint8Array) => Uint8Array,
): AsyncGenerator<Uint8Array> {
  const message = query.get('message') ?? '';
  let bytes: Uint8Array;
  try {
    bytes = query.get('base64') === '1' ? base64Decode(message) : Buffer.from(message);
  } catch (cause) {
    throw new GrpcError(grpcCode.invalidArgument, 'the query parameter message is not base64', { cause });
  }
  yield check(bytes);
}

async function* checkedFrames(
  chunks: AsyncIterable<Uint8Array>,
  { maxMessageBytes }: Limits,
  check: (message: Uint8Array, isCompressed: boolean) => Uint8Array,
): AsyncGenerator<Uint8Array> {
  let framed: Uint8Array[] = [];
  const reader = new FrameReader(maxMessageBytes, (message, flags) =>
    framed.push(frameMessage(check(message, flags === compressedFlag))),
  );
  for await (const chunk of chunks) {
    reader.push(Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk));
    yield* framed;
    framed = [];
  }
  reader.end();
}

/** `read` of `body`, with errors as Connect wants them. A reader that stops early, or never begins, lets go of the body. */
function transform(body: Chunks, read: (body: Chunks) => AsyncGenerator<Uint8Array>): Chunks {
  const checked = read(body);
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      try {
        return await checked.next();
      } catch (error) {
        await body.return?.();
        if (!(error instanceof GrpcError)) throw error;
        throw new ConnectError(
          error.message,
          error.code === grpcCode.ok ? Code.Unknown : error.code,
          undefined,
          undefined,
          error,
        );
      }
    },
    async return() {
      await body.return?.();
      return { value: undefined, done: true };
    },
  };
}
