import { type DescMethod, getOption, hasOption } from '@bufbuild/protobuf';
import { method as methodPolicy, service as servicePolicy } from '@weft/policy/weft/policy/v1/policy';
import type { Call } from '../current-call.ts';

declare const answeredOnce: unique symbol;

/** An answer that once() or onceAcross() gave, or that was made of one: `{ ...answer, more }`. */
export type Once<T> = T & { readonly [answeredOnce]: true };

type Handler<Request, Response> = (request: Request, call: Call) => Response;

/** How a handler treats repeats: it returns the first answer, or runs again. */
export type HeedsRepeats = 'keyed' | 'repeatable';

const marks = new WeakMap<object, HeedsRepeats>();

/**
 * The handler of a method whose contract declares an idempotency_key: what it returns comes from once() or onceAcross(), so that a repeat
 * gets the first answer.
 */
export function keyed<Request, Response>(
  handler: Handler<Request, Promise<Once<Response>>>,
): Handler<Request, Promise<Once<Response>>> {
  return mark(handler, 'keyed');
}

/**
 * The handler of a method whose contract declares an idempotency_key and that may run for every repeat: it has no effect of its own, or hands
 * the key on to the service that has.
 */
export function repeatable<Request, Response>(handler: Handler<Request, Response>): Handler<Request, Response> {
  return mark(handler, 'repeatable');
}

/** Whether a handler was made by keyed() or repeatable(); undefined: by neither. */
export function howItHeedsRepeats(handler: object): HeedsRepeats | undefined {
  return marks.get(handler);
}

/** The path of the request field that makes a repeat of a unary method recognizable, as its contract says; undefined for none. */
export function idempotencyKeyOf(method: DescMethod): string | undefined {
  if (method.methodKind !== 'unary') return undefined;
  const own = hasOption(method, methodPolicy) ? getOption(method, methodPolicy).idempotencyKey : undefined;
  return (own ?? getOption(method.parent, servicePolicy).defaults?.idempotencyKey) || undefined;
}

/** A function of its own, so that the same function elsewhere stays unmarked. */
function mark<Request, Response>(handler: Handler<Request, Response>, how: HeedsRepeats): Handler<Request, Response> {
  const marked: Handler<Request, Response> = (request, call) => handler(request, call);
  marks.set(marked, how);
  return marked;
}
