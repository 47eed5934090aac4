import type { DescService } from '@bufbuild/protobuf';
import { Code, type Transport } from '@connectrpc/connect';
import { type Handlers, implement, type MethodImplementation, type ServiceImplementation } from '../implement.ts';
import { ServiceError } from '../service-error.ts';
import { inMemoryTransport } from './in-memory-transport.ts';

/**
 * A fake service for a caller's tests: `client(PaymentService, { transport: fake(PaymentService, { ... }) })`. Requests are checked against
 * the rules of the contract. A method without a handler is UNIMPLEMENTED, and the answer says which one is missing.
 */
export function fake<Desc extends DescService>(service: Desc, handlers: Partial<Handlers<Desc>>): Transport {
  return inMemoryTransport([fakeImplementation(service, handlers)]);
}

/** The same as a service. */
export function fakeImplementation<Desc extends DescService>(
  service: Desc,
  handlers: Partial<Handlers<Desc>>,
): ServiceImplementation {
  // implement() leaves out what has no handler; the type keeps services from doing so.
  const { methods } = implement(service, handlers as Handlers<Desc>);
  const given = new Map(methods.map((each) => [each.method, each]));
  return { service, methods: service.methods.map((method) => given.get(method) ?? missing(method)) };
}

function missing(method: MethodImplementation['method']): MethodImplementation {
  const { parent, name, localName } = method;
  const error = () =>
    new ServiceError(
      Code.Unimplemented,
      `the fake of ${parent.typeName} has no handler for ${name}; give it \`${localName}\``,
    );
  const handle =
    method.methodKind === 'unary' || method.methodKind === 'client_streaming' ? () => Promise.reject(error()) : failing;
  return { method, handle };

  // biome-ignore lint/correctness/useYield: a stream that ends before its first message.
  async function* failing(): AsyncIterable<never> {
    throw error();
  }
}
