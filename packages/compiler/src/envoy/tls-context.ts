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
import type { SpiffeId } from '../model/mesh.ts';
import { fromControlPlane } from './config-source.ts';
import { identitySecret, rootSecret } from './names.ts';
import { extension } from './typed-config.ts';

/** One that no certificate has, since an empty list would accept any. */
const nobody: PeerName = { case: 'exact', value: 'spiffe://nobody' };

/** Towards a service: shows our certificate, and accepts the server names `identities` and no others. */
export function upstreamTls(identities: readonly SpiffeId[]): TransportSocket {
  return create(
    TransportSocketSchema,
    extension('envoy.transport_sockets.tls', UpstreamTlsContextSchema, {
      commonTlsContext: commonTls(
        identities.length > 0 ? identities.map((value) => ({ case: 'exact', value })) : [nobody],
      ),
    }),
  );
}

/** How a server or client must be called in its certificate. */
export interface PeerName {
  readonly case: 'exact' | 'prefix';
  readonly value: string;
}

/** From the mesh: demands a certificate of the trust domain; with `peers`, one of those, and none when there are none. */
export function downstreamTls(trustDomain: string, peers?: readonly PeerName[]): TransportSocket {
  const anybody: PeerName = { case: 'prefix', value: `spiffe://${trustDomain}/` };
  const admitted = peers?.length === 0 ? [nobody] : (peers ?? [anybody]);
  return create(
    TransportSocketSchema,
    extension('envoy.transport_sockets.tls', DownstreamTlsContextSchema, {
      requireClientCertificate: true,
      // A resumed session would outlive the certificate that it began with.
      sessionTicketKeysType: { case: 'disableStatelessSessionResumption', value: true },
      disableStatefulSessionResumption: true,
      commonTlsContext: commonTls(admitted),
    }),
  );
}

function commonTls(peers: readonly PeerName[]) {
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
