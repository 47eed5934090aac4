import { create } from '@bufbuild/protobuf';
import {
  type ListenerFilter,
  type ListenerFilterChainMatchPredicate,
  ListenerFilterChainMatchPredicateSchema,
  ListenerFilterSchema,
} from '@weft/envoy-api/envoy/config/listener/v3/listener_components';
import { OriginalDstSchema } from '@weft/envoy-api/envoy/extensions/filters/listener/original_dst/v3/original_dst';
import { TlsInspectorSchema } from '@weft/envoy-api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector';
import { extension } from './typed-config.ts';

/** Finds where a redirected connection was meant to go. */
export const originalDestination: ListenerFilter = create(
  ListenerFilterSchema,
  extension('envoy.filters.listener.original_dst', OriginalDstSchema, {}),
);

/** Tells TLS from plain text, and the host that a client names in TLS. It waits for the first bytes, so a server that speaks first waits, too. */
export const tlsInspector: ListenerFilter = create(
  ListenerFilterSchema,
  extension('envoy.filters.listener.tls_inspector', TlsInspectorSchema, {}),
);

/** Looks into TLS at these ports only. */
export function tlsInspectorAt(ports: readonly number[]): ListenerFilter {
  const [first, ...others] = ports.map(portIs);
  if (first === undefined) return tlsInspector;
  const any =
    others.length === 0
      ? first
      : create(ListenerFilterChainMatchPredicateSchema, {
          rule: { case: 'orMatch', value: { rules: [first, ...others] } },
        });
  return create(ListenerFilterSchema, {
    ...extension('envoy.filters.listener.tls_inspector', TlsInspectorSchema, {}),
    filterDisabled: { rule: { case: 'notMatch', value: any } },
  });
}

function portIs(port: number): ListenerFilterChainMatchPredicate {
  return create(ListenerFilterChainMatchPredicateSchema, {
    rule: { case: 'destinationPortRange', value: { start: port, end: port + 1 } },
  });
}
