import type { GetStatusResponse, Service } from '@weft/api/weft/api/v1/mesh';
import { didYouMean } from '@weft/compiler/model/did-you-mean';
import { CommandError } from '../command-error.ts';

/** The Service that an override applies to, and optionally the path of one method. */
export interface OverrideTarget {
  readonly namespace: string;
  readonly service: string;
  readonly path?: string;
}

/**
 * Resolves a name such as "bakery.payments.v1.PaymentService/Authorize", "PaymentService/Authorize", "bakery.payments/Authorize",
 * "bakery.payments", "payments", "payments/Authorize" or "bakery/payments" (its namespace and name). Throws a CommandError that lists the
 * known names.
 */
export function overrideTarget(mesh: Pick<GetStatusResponse, 'services'>, text: string): OverrideTarget {
  const [name = '', method, ...more] = text.replace(/^\//, '').split('/');
  const whole = mesh.services.find((service) => text === `${service.namespace}/${service.name}`);
  if (whole !== undefined) return { namespace: whole.namespace, service: whole.name };
  const found = mesh.services.filter(
    (service) => service.logicalName === name || service.name === name || grpcServiceOf(service, name) !== undefined,
  );
  const [only, other] = found;
  if (only === undefined || more.length > 0) {
    const known = mesh.services.flatMap(({ grpcServices, logicalName, name: own }) =>
      grpcServices.length > 0 ? grpcServices : [logicalName || own],
    );
    const near = didYouMean(name, [...known, ...mesh.services.flatMap(namesOf)]);
    throw new CommandError(`No service is named ${text}.${near} Services: ${known.join(', ') || 'none'}.`);
  }
  if (other !== undefined) {
    const both = found.map(({ namespace, name: own }) => `${namespace}/${own}`).join(' and ');
    throw new CommandError(
      `${name} is the name of ${both}; write namespace/name for all its methods, or write a MeshOverride for one of them.`,
    );
  }
  const target = { namespace: only.namespace, service: only.name };
  if (method === undefined || method === '') return target;
  const named = grpcServiceOf(only, name);
  const grpcService = named ?? only.grpcServices[0];
  if (grpcService === undefined || (named === undefined && only.grpcServices.length > 1)) {
    throw new CommandError(
      grpcService === undefined
        ? `${name} has no contract; write a MeshOverride that names its paths.`
        : `${name} has several proto services; name one: ${only.grpcServices.join(', ')}.`,
    );
  }
  return { ...target, path: `/${grpcService}/${method}` };
}

/** Whether a service or a proto service has this name, or one that ends with it. */
export function namesService(mesh: Pick<GetStatusResponse, 'services'>, text: string): boolean {
  return mesh.services.some((service) => service.name === text || grpcServiceOf(service, text) !== undefined);
}

/**
 * The logical name of a caller by the name of its service ("orders"), if only one service has that; any other text stays as it is.
 */
export function callerNamed(mesh: Pick<GetStatusResponse, 'services'>, text: string): string {
  if (text === 'edge' || mesh.services.some(({ logicalName }) => logicalName === text)) return text;
  const [only, other] = contractedServices(mesh, text);
  return only === undefined || other !== undefined ? text : only.logicalName;
}

/** Checks that each of these callers exists in the mesh; "edge" and "*" always do. Throws a CommandError with a suggestion. */
export function checkCallers(mesh: Pick<GetStatusResponse, 'services'>, callers: readonly string[]): void {
  const known = new Set(['edge', ...mesh.services.flatMap(({ logicalName }) => logicalName || [])]);
  for (const caller of callers) {
    if (caller === '*' || known.has(caller)) continue;
    const several = contractedServices(mesh, caller).map(({ logicalName }) => logicalName);
    if (several.length > 1) {
      throw new CommandError(`${caller} is the name of several services; name one of ${several.sort().join(', ')}.`);
    }
    const near = didYouMean(caller, known);
    throw new CommandError(
      `No service is named ${caller}.${near} Callers: ${[...known].sort().join(', ')}. Use --force to write it anyway.`,
    );
  }
}

function contractedServices({ services }: Pick<GetStatusResponse, 'services'>, name: string): Service[] {
  return services.filter((service) => service.name === name && service.logicalName !== '');
}

/** Finds a proto service by its name, or by the end of its name. */
function grpcServiceOf({ grpcServices }: Service, name: string): string | undefined {
  return grpcServices.find((each) => each === name) ?? grpcServices.find((each) => each.endsWith(`.${name}`));
}

/** All names of a service. */
function namesOf({ name, logicalName, grpcServices }: Service): string[] {
  return [logicalName, name, ...grpcServices].filter((each) => each !== '');
}
