import type { DescMethodStreaming, MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError, type StreamResponse } from '@connectrpc/connect';
import { MessageQueue } from '../grpc/message-queue.ts';
import { fromNodeHeaders } from '../grpc/metadata.ts';
import { ClientCall, type ClientCallOptions } from './client-call.ts';
import type { OutboundConnections } from './connections.ts';
import type { MessageCodec } from './message-codec.ts';

/** Makes a call with a stream. Resolves when the headers of its answer have come. The request is sent no faster than it is taken. */
export function callStreaming<Method extends DescMethodStreaming>(
  method: Method,
  connections: OutboundConnections,
  options: ClientCallOptions,
  codec: MessageCodec<Method['input'], Method['output']>,
  requests: AsyncIterable<MessageInitShape<Method['input']>>,
): Promise<StreamResponse<Method['input'], Method['output']>> {
  const { promise, resolve, reject } = Promise.withResolvers<StreamResponse<Method['input'], Method['output']>>();
  const sending = requests[Symbol.asyncIterator]();
  const trailer = new Headers();
  const queue = new MessageQueue({ pause: () => call.pause(), resume: () => call.resume() });
  const respond = (header: Headers) => {
    const message = new Answers(queue, codec.decode, (error) => call.fail(error));
    resolve({ stream: true, service: method.parent, method, header, trailer, message });
  };
  const call = new ClientCall(connections, options, {
    onHeaders: (headers) => respond(fromNodeHeaders(headers)),
    onMessage: (message) => queue.push(message),
    onEnd(error, isOwn) {
      // Not awaited: a generator that waits for something returns when that has come.
      void sending.return?.().then(undefined, () => {});
      if (error && isOwn) queue.fail(error);
      else queue.end(error);
      if (error) return reject(error);
      for (const [name, value] of fromNodeHeaders(call.trailers ?? {})) trailer.append(name, value);
      respond(new Headers());
    },
  });
  void send(method, call, codec, sending);
  return promise;
}

async function send<Method extends DescMethodStreaming>(
  method: Method,
  call: ClientCall,
  codec: MessageCodec<Method['input'], Method['output']>,
  requests: AsyncIterator<MessageInitShape<Method['input']>>,
): Promise<void> {
  try {
    if (!call.isStarted) await call.started();
    let next = await requests.next();
    while (!next.done && !call.ended) {
      const framed = codec.encode(next.value);
      if (method.methodKind === 'server_streaming') {
        // The end goes with the message, in one frame.
        next = await requests.next();
        if (!next.done) throw new ConnectError('the request must be one message, not several', Code.Internal);
        return call.end(framed);
      }
      if (!call.write(framed)) await call.drained();
      next = await requests.next();
    }
    call.end();
  } catch (error) {
    call.fail(ConnectError.from(error, Code.Internal));
  }
}

/** The messages of an answer, decoded when they are read. A reader that stops cancels the call. */
class Answers<T> implements AsyncIterableIterator<T> {
  readonly #queue: MessageQueue;
  readonly #decode: (bytes: Uint8Array) => T;
  readonly #fail: (error: ConnectError) => void;

  constructor(queue: MessageQueue, decode: (bytes: Uint8Array) => T, fail: (error: ConnectError) => void) {
    this.#queue = queue;
    this.#decode = decode;
    this.#fail = fail;
  }

  async next(): Promise<IteratorResult<T>> {
    const { done, value } = await this.#queue.next();
    if (done) return { done, value: undefined };
    try {
      return { done: false, value: this.#decode(value) };
    } catch (error) {
      const wrong = ConnectError.from(error, Code.Internal);
      this.#fail(wrong);
      this.#queue.fail(wrong);
      throw wrong;
    }
  }

  async return(): Promise<IteratorResult<T>> {
    this.#fail(new ConnectError('the reader of the stream has stopped', Code.Canceled));
    await this.#queue.return();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
