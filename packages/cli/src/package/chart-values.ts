import { stringify } from 'yaml';
import type { ServiceManifest } from '../service-manifest.ts';

/** The inputs of the chart's values besides weft.yaml. */
export interface ChartInputs {
  readonly image: { readonly registry: string; readonly name: string; readonly tag: string; readonly user?: number };
  /** The contract's FileDescriptorSet; none: the service has no contract. */
  readonly descriptorSet?: Uint8Array;
  /** The database of its schema. */
  readonly database: string;
}

/** A values file of charts/service that installs a service. It contains nothing that depends on the cluster. */
export function chartValues(service: ServiceManifest, { image, descriptorSet, database }: ChartInputs): string {
  const { name, contract, schema, env, health, replicas } = service;
  const values = {
    name,
    ...(contract ? {} : { logicalName: `${service.namespace}.${name}`.replaceAll('-', '_') }),
    image,
    mesh: { kit: service.command === undefined },
    replicas,
    ...(contract ? {} : { service: { appProtocol: appProtocol(service) } }),
    probes: { type: health.protocol, ...(health.protocol === 'http' ? { path: health.path } : {}) },
    ...(Object.keys(env).length > 0 ? { env } : {}),
    ...(schema ? { database: { schema, name: database } } : {}),
    // Last because it is long.
    ...(contract ? { contract: { name: contract, descriptor: base64(descriptorSet) } } : {}),
  };
  return `# Values of the chart weft-service, made by \`weft package ${name}\`. Put your own values into a second file and pass both to helm.\n${stringify(
    values,
    { lineWidth: 0 },
  )}`;
}

/** The protocol of a service without a contract, guessed from its health check. */
function appProtocol({ health }: ServiceManifest): string {
  return health.protocol === 'none' ? 'tcp' : health.protocol;
}

function base64(bytes: Uint8Array = new Uint8Array()): string {
  return Buffer.from(bytes).toString('base64');
}
