import { CommandError } from '../command-error.ts';

/** Names of processes that run in every mesh, and names that look like a version. */
const reserved = /^(edge|control-plane|postgres|weft|v\d+)$/;

const pattern = /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/;

/** The names that follow from a service's name, "order-history" in the project "bakery". */
export interface ServiceNames {
  /** "order-history": of its folder, its Service and its account. */
  readonly service: string;
  /** "bakery.order_history": its name in contracts. */
  readonly logicalName: string;
  /** "order_history": of its .proto file and its schema in PostgreSQL. */
  readonly file: string;
  /** "OrderHistory": of its proto service. */
  readonly pascal: string;
  /** "orderHistory": in TypeScript. */
  readonly camel: string;
}

/** The names of a service. Throws a CommandError that says what a name may be. */
export function serviceNames(project: string, service: string): ServiceNames {
  if (!pattern.test(service)) {
    throw new CommandError(
      `A service cannot be named "${service}"; a name has 1 to 40 characters of a-z, 0-9 and -, begins with a letter and ends with a letter or digit.`,
    );
  }
  if (reserved.test(service)) throw new CommandError(`The name ${service} is reserved; choose another.`);
  const file = service.replaceAll('-', '_');
  return {
    service,
    logicalName: `${project.replaceAll('-', '_')}.${file}`,
    file,
    pascal: pascalCase(service),
    camel: camelCase(service),
  };
}

/** "order-history" and "order_history" as "orderHistory". */
export function camelCase(name: string): string {
  return name.replace(/[-_]+(.)?/g, (_, letter: string | undefined) => letter?.toUpperCase() ?? '');
}

function pascalCase(name: string): string {
  const camel = camelCase(name);
  return camel.slice(0, 1).toUpperCase() + camel.slice(1);
}
