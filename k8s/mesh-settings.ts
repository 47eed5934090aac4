import { weftApiVersion } from '@weft/compiler/model/resource-ref';
import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { namespaces } from './names.ts';

/** Where the spans of proxies go. */
export interface Tracing {
  readonly host: string;
  readonly port: number;
  readonly samplingPercent: number;
}

/** The mesh's settings and those of its edge. */
export class MeshSettings extends Construct {
  constructor(scope: Construct, id: string, options: { readonly tracing?: Tracing }) {
    super(scope, id);
    new ApiObject(this, 'mesh', {
      apiVersion: weftApiVersion,
      kind: 'MeshConfig',
      metadata: { name: 'mesh' },
      spec: {
        trustDomain: 'weft.local',
        packages: [
          { namespace: namespaces.shop, protoPackage: 'shop' },
          // Nobody else may call in the edge's name.
          { namespace: namespaces.system, protoPackage: 'edge' },
        ],
        exposure: [{ namespace: namespaces.shop, paths: ['/v1'] }],
        certificateLifetime: '24h',
        outbound: 'allow',
        outbounds: [],
        accessLog: 'sampled',
        accessLogs: [],
        permissive: [],
        ...(options.tracing ? { tracing: options.tracing } : {}),
      },
    });
    new ApiObject(this, 'edge', {
      apiVersion: weftApiVersion,
      kind: 'Gateway',
      metadata: { name: 'edge' },
      spec: {
        reflection: false,
        maxHeaderBytes: 61_440,
        maxHeaders: 100,
        trustedHops: 0,
        maxMessageBytes: 4_194_304,
        corsOrigins: [],
      },
    });
  }
}
