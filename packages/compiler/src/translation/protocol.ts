import type { Protocol } from '../model/service.ts';

/** What an application speaks at a port of this appProtocol (https://kubernetes.io/docs/concepts/services-networking/service/#application-protocol). */
export function protocolOf(appProtocol: string | undefined): Protocol {
  switch (appProtocol) {
    case 'grpc':
      return 'grpc';
    case 'http2':
    case 'kubernetes.io/h2c':
      return 'http2';
    case 'http':
    case 'kubernetes.io/ws':
      return 'http';
    default:
      return 'tcp';
  }
}

/** Whether a port may be one of gRPC: nobody says that it is not. */
export function speaksGrpc(appProtocol: string | undefined): boolean {
  return appProtocol === undefined || ['grpc', 'http2'].includes(protocolOf(appProtocol));
}
