import type { DescMethod } from '@bufbuild/protobuf';
import type { Transport } from '@connectrpc/connect';
import { startClientSpan } from '../call-span.ts';
import { currentCall } from '../current-call.ts';
import { noteOnwardFailure } from '../own-failure.ts';
import { MessageStream, type StreamEnd } from './message-stream.ts';
import type { GivenHeaders } from './request-headers.ts';

/**
 * `transport` with what the kit does about each call: it goes on with the trace of the call that is being answered, has a span, and its
 * failure is remembered of the call that is being answered.
 */
export function observedTransport(transport: Transport, authority: string): Transport {
  return {
    unary(method, signal, timeoutMs, header, message, values) {
      const observed = observe(method, authority, header);
      if (!observed) return transport.unary(method, signal, timeoutMs, header, message, values);
      return observed
        .run(() => transport.unary(method, signal, timeoutMs, observed.header, message, values))
        .then(
          (response) => {
            observed.end(undefined);
            return response;
          },
          (error: unknown) => {
            observed.end({ error });
            throw error;
          },
        );
    },
    async stream(method, signal, timeoutMs, header, messages, values) {
      const observed = observe(method, authority, header);
      if (!observed) return transport.stream(method, signal, timeoutMs, header, messages, values);
      try {
        const response = await observed.run(() =>
          transport.stream(method, signal, timeoutMs, observed.header, messages, values),
        );
        return { ...response, message: new MessageStream(response.message, (end) => observed.end(end)) };
      } catch (error) {
        observed.end({ error });
        throw error;
      }
    },
  };
}

interface ObservedCall {
  readonly header: GivenHeaders;
  run<T>(fn: () => T): T;
  /** Undefined: it has succeeded. */
  end(end: StreamEnd | undefined): void;
}

/** Undefined: there is nothing to see to. */
function observe(method: DescMethod, authority: string, header: GivenHeaders): ObservedCall | undefined {
  const answering = currentCall();
  const span = startClientSpan(method, authority, header);
  if (!answering && !span) return undefined;
  return {
    header: span?.header ?? header,
    run: (fn) => (span ? span.run(fn) : fn()),
    end(end) {
      if (answering && end && 'error' in end) noteOnwardFailure(answering, end.error);
      span?.end(end);
    },
  };
}
