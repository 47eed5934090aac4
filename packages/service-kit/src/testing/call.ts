import type {
  DescMessage,
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodClientStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';
import type { ContextValues, Interceptor } from '@connectrpc/connect';
import { type CallOptions, client } from '../client.ts';
import type { Handler, ServiceImplementation } from '../implement.ts';
import { intercepted } from '../interceptors.ts';
import { inMemoryTransport } from './in-memory-transport.ts';
import { nameCaller, type TestCaller } from './test-caller.ts';

/** How a handler is called. */
export interface TestCallOptions extends Omit<CallOptions, 'contextValues'> {
  /** The caller. Default: unknown, as for a call that passed no sidecar. */
  readonly caller?: TestCaller;
  /** Context values that interceptors would have set for the handler. Default: none. */
  readonly values?: ContextValues;
}

type One<I extends DescMessage> = MessageInitShape<I>;
type Many<I extends DescMessage> = AsyncIterable<MessageInitShape<I>>;

/** What a method takes. */
export type RequestTo<M extends DescMethod> =
  M extends DescMethodUnary<infer I, DescMessage>
    ? One<I>
    : M extends DescMethodServerStreaming<infer I, DescMessage>
      ? One<I>
      : M extends DescMethodClientStreaming<infer I, DescMessage>
        ? Many<I>
        : M extends DescMethodBiDiStreaming<infer I, DescMessage>
          ? Many<I>
          : never;

/** What a method answers. */
export type AnswerOf<M extends DescMethod> =
  M extends DescMethodUnary<DescMessage, infer O>
    ? Promise<MessageShape<O>>
    : M extends DescMethodClientStreaming<DescMessage, infer O>
      ? Promise<MessageShape<O>>
      : M extends DescMethodServerStreaming<DescMessage, infer O>
        ? AsyncIterable<MessageShape<O>>
        : M extends DescMethodBiDiStreaming<DescMessage, infer O>
          ? AsyncIterable<MessageShape<O>>
          : never;

/**
 * Calls one handler, or a method of what implement() made, in memory. The request is checked against its rules, the deadline holds, and the
 * call fails with the ConnectError that a caller would see. It does not check whether the caller may call; use testMesh() for that.
 */
export function call<M extends DescMethod>(
  target: ServiceImplementation | NoInfer<Handler<M>>,
  method: M,
  request: NoInfer<RequestTo<M>>,
  { caller, values, ...options }: TestCallOptions = {},
): AnswerOf<M> {
  const set: Interceptor = (next) => (given) => next(values ? { ...given, contextValues: values } : given);
  const transport = inMemoryTransport([intercepted(implementationOf(target, method), [set])]);
  const headers = new Headers(options.headers);
  nameCaller(headers, caller);
  const callee: Readonly<Record<string, unknown>> = client(method.parent, { transport });
  const made = callee[method.localName];
  if (typeof made !== 'function') throw new TypeError(`${method.parent.typeName} has no method ${method.name}`);
  return Reflect.apply(made, undefined, [request, { ...options, headers }]);
}

function implementationOf<M extends DescMethod>(
  target: ServiceImplementation | Handler<M>,
  method: M,
): ServiceImplementation {
  if (typeof target !== 'function') return target;
  const handle = (request: unknown, call: unknown) => Reflect.apply(target, undefined, [request, call]);
  return { service: method.parent, methods: [{ method, handle }] };
}
