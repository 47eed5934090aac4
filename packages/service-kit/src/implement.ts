import type {
  DescMessage,
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodClientStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';
import type { Call } from './current-call.ts';

type Answer<O extends DescMessage> = MessageInitShape<O> | Promise<MessageInitShape<O>>;

/** The function that answers one method: one message or an AsyncIterable of them, on either side. */
export type Handler<M extends DescMethod> =
  M extends DescMethodUnary<infer I, infer O>
    ? (request: MessageShape<I>, call: Call) => Answer<O>
    : M extends DescMethodServerStreaming<infer I, infer O>
      ? (request: MessageShape<I>, call: Call) => AsyncIterable<MessageInitShape<O>>
      : M extends DescMethodClientStreaming<infer I, infer O>
        ? (requests: AsyncIterable<MessageShape<I>>, call: Call) => Answer<O>
        : M extends DescMethodBiDiStreaming<infer I, infer O>
          ? (requests: AsyncIterable<MessageShape<I>>, call: Call) => AsyncIterable<MessageInitShape<O>>
          : never;

/** A handler for each method of a service. */
export type Handlers<Desc extends DescService> = { [Name in keyof Desc['method']]: Handler<Desc['method'][Name]> };

/** One method with its handler, types erased: the server checks each request against `method` before it gets here. */
export interface MethodImplementation {
  readonly method: DescMethod;
  handle(request: unknown, call: Call): unknown;
}

/** A service that serve() can serve. Made by implement(). */
export interface ServiceImplementation {
  readonly service: DescService;
  readonly methods: readonly MethodImplementation[];
}

/** Joins a service of a contract with its handlers. A method without one is answered with UNIMPLEMENTED. */
export function implement<Desc extends DescService>(service: Desc, handlers: Handlers<Desc>): ServiceImplementation {
  const byName: Readonly<Record<string, unknown>> = handlers;
  return {
    service,
    methods: service.methods.flatMap((method) => {
      const handler = byName[method.localName];
      return typeof handler === 'function'
        ? [{ method, handle: (request, call) => Reflect.apply(handler, handlers, [request, call]) }]
        : [];
    }),
  };
}
