import type { ServiceImplementation } from './implement.ts';

/**
 * The same services, but the requests of their streams end when `signal` is aborted, as if the caller had half-closed: for streams that
 * a caller may hold open while it asks nothing.
 */
export function requestsUntil(
  signal: AbortSignal,
  services: readonly ServiceImplementation[],
): readonly ServiceImplementation[] {
  return services.map((service) => ({
    ...service,
    methods: service.methods.map((method) => ({
      ...method,
      handle: (request, call) => method.handle(isStream(request) ? until(request, signal) : request, call),
    })),
  }));
}

function isStream(request: unknown): request is AsyncIterable<unknown> {
  return typeof request === 'object' && request !== null && Symbol.asyncIterator in request;
}

async function* until(requests: AsyncIterable<unknown>, signal: AbortSignal): AsyncIterable<unknown> {
  const over = Promise.withResolvers<IteratorResult<unknown>>();
  const end = () => over.resolve({ done: true, value: undefined });
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
  const iterator = requests[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await Promise.race([iterator.next(), over.promise]);
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener('abort', end);
    // Not awaited: a generator that waits for the next request returns when that has come.
    void iterator.return?.().then(undefined, () => {});
  }
}
