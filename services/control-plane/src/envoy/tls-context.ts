import { create } from '@bufbuild/protobuf';
import type { TransportSocket } from '@weft/envoy-api/envoy/config/core/v3/base';
import { TransportSocketSchema } from '@weft/envoy-api/envoy/config/core/v3/base';
import {
  SubjectAltNameMatcher_SanType as SanType,
  TlsParameters_TlsProtocol as TlsProtocol,
} from '@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/common';
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls';
import { memoize } from '../memoize.ts';
import type { SpiffeId } from '../model/mesh.ts';
import { fromControlPlane } from './config-source.ts';
import { identitySecret, rootSecret } from './names.ts';
import { extension } from './typed-config.ts';

/** Towards a service: shows our certificate, and accepts the server names `identities` and no others. */
export const upstreamTls: (identities: readonly SpiffeId[]) => TransportSocket = memoize((identities) =>
  create(
    TransportSocketSchema,
    extension('envoy.transport_sockets.tls', UpstreamTlsContextSchema, {
      commonTlsContext: commonTls(
        // No replica, no name: one that nobody can have, since an empty list would accept any.
        (identities.length > 0 ? identities : ['spiffe://nobody']).map((identity) => ({
          case: 'exact' as const,
          value: identity,
        })),
      ),
    }),
  ),
);

/** From the mesh: demands a certificate of the trust domain. */
export function downstreamTls(trustDomain: string): TransportSocket {
  return create(
    TransportSocketSchema,
    extension('envoy.transport_sockets.tls', DownstreamTlsContextSchema, {
      requireClientCertificate: true,
      // A resumed session would outlive the certificate that it began with.
      sessionTicketKeysType: { case: 'disableStatelessSessionResumption', value: true },
      disableStatefulSessionResumption: true,
      commonTlsContext: commonTls([{ case: 'prefix', value: `spiffe://${trustDomain}/` }]),
    }),
  );
}

function commonTls(peers: readonly { readonly case: 'exact' | 'prefix'; readonly value: string }[]) {
  return {
    tlsParams: {
      tlsMinimumProtocolVersion: TlsProtocol.TLSv1_3,
      tlsMaximumProtocolVersion: TlsProtocol.TLSv1_3,
    },
    alpnProtocols: ['h2'],
    tlsCertificateSdsSecretConfigs: [{ name: identitySecret, sdsConfig: fromControlPlane }],
    validationContextType: {
      case: 'combinedValidationContext' as const,
      value: {
        defaultValidationContext: {
          matchTypedSubjectAltNames: peers.map((matchPattern) => ({ sanType: SanType.URI, matcher: { matchPattern } })),
        },
        validationContextSdsSecretConfig: { name: rootSecret, sdsConfig: fromControlPlane },
      },
    },
  };
}
