import { context, propagation } from '@opentelemetry/api';

/** Adds the active trace to the headers of a call to another service; nothing outside of a trace. */
export function injectTrace(headers: Headers): void {
  propagation.inject(context.active(), headers, { set: (carrier, name, value) => carrier.set(name, value) });
}
