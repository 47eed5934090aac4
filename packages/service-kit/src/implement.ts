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
import { type HeedsRepeats, howItHeedsRepeats, idempotencyKeyOf } from './idempotency/keyed.ts';
import type { InterceptedCall } from './incoming-call.ts';

type Answer<O extends DescMessage> = MessageInitShape<O> | Promise<MessageInitShape<O>>;

/** The function that handles one method. Its request and its response are one message or an AsyncIterable of messages. */
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
  /** Whether the handler was made by keyed() or repeatable(). Default: by neither. */
  readonly heedsRepeats?: HeedsRepeats | undefined;
  readonly handle: (request: unknown, call: InterceptedCall) => unknown;
}

/** A service for serve(), made by implement(). */
export interface ServiceImplementation {
  readonly service: DescService;
  readonly methods: readonly MethodImplementation[];
}

/**
 * Joins a contract's service with its handlers: functions of a message and a {@link Call}, or an unchanged connect-es ServiceImpl. A method
 * without a handler returns UNIMPLEMENTED. Make the handler of a method with an idempotency_key with keyed() or repeatable(); serve()
 * refuses any other.
 */
export function implement<Desc extends DescService>(service: Desc, handlers: Handlers<Desc>): ServiceImplementation {
  const byName: Readonly<Record<string, unknown>> = handlers;
  return {
    service,
    methods: service.methods.flatMap((method) => {
      const handler = byName[method.localName];
      return typeof handler === 'function'
        ? [
            {
              method,
              heedsRepeats: howItHeedsRepeats(handler),
              handle: (request, call) => Reflect.apply(handler, handlers, [request, call]),
            },
          ]
        : [];
    }),
  };
}

/** Throws TypeError for methods that declare an idempotency_key but whose handlers would silently run again for each repeat. */
export function refuseUnheededRepeats(services: readonly ServiceImplementation[]): void {
  for (const { methods } of services)
    for (const { method, heedsRepeats } of methods) {
      const key = idempotencyKeyOf(method);
      if (key === undefined || heedsRepeats) continue;
      throw new TypeError(
        `${method.parent.typeName}/${method.name}: its contract declares the idempotency_key "${key}", so its handler must be made by keyed(), or by repeatable() if a repeat does no harm`,
      );
    }
}
