import type { MeshSettings } from '../model/mesh.ts';
import { leadingLiterals, type TemplateStep } from '../model/template-overlap.ts';

/** Stands for every host name that no row gives to somebody. */
export const anyHost = '*';

/** Under which host names a namespace has a path, and how many segments of it the row says that gives it the path. */
export type Grants = ReadonlyMap<string, number>;

/** A row as one of its prefixes and host names. */
interface Given {
  readonly namespace: string;
  readonly host: string;
  readonly prefix: readonly string[];
  readonly index: number;
}

/** What rows of `spec.exposure` say of one gateway. */
export class ExposureRows {
  readonly #settings: MeshSettings;
  readonly #gateway: string;
  readonly #given: readonly Given[];

  constructor(settings: MeshSettings, gateway: string) {
    this.#settings = settings;
    this.#gateway = gateway;
    this.#given = settings.exposure.flatMap(({ namespace, gateway: at, paths, hosts }, index) =>
      at !== gateway
        ? []
        : paths.flatMap((path) =>
            hostsOf(hosts).map((host) => ({ namespace, host, prefix: path.split('/').filter(Boolean), index })),
          ),
    );
  }

  /** Host names under which a namespace's gRPC methods are served; none: it may not be exposed here. */
  hosts(namespace: string): readonly string[] {
    const { exposure } = this.#settings;
    if (exposure.length === 0) return [anyHost];
    const rows = exposure.filter((row) => row.gateway === this.#gateway && row.namespace === namespace);
    return [...new Set(rows.flatMap(({ hosts }) => hostsOf(hosts)))].sort();
  }

  /** Host names that rows give to other namespaces only. */
  foreignHosts(namespace: string): readonly string[] {
    const own = new Set(this.hosts(namespace));
    const rows = this.#settings.exposure.filter(({ gateway }) => gateway === this.#gateway);
    return [...new Set(rows.flatMap(({ hosts }) => hosts))].filter((host) => !own.has(host)).sort();
  }

  /** Under which host names a namespace has the paths of a template: where no other namespace has a longer prefix of them. */
  grants(namespace: string, steps: readonly TemplateStep[]): Grants {
    if (this.#settings.exposure.length === 0) return everywhere;
    const found = new Map<string, number>();
    for (const { host, prefix } of this.#covering(steps).filter((given) => given.namespace === namespace)) {
      found.set(host, Math.max(found.get(host) ?? 0, prefix.length));
    }
    for (const { host, prefix } of this.#covering(steps)) {
      if ((found.get(host) ?? 0) < prefix.length) found.delete(host);
    }
    return found;
  }

  /** Why `grants` has none: "belongs to namespace bakery by mesh.yaml spec.exposure[0]". */
  refusal(namespace: string, steps: readonly TemplateStep[]): string {
    const file = this.#settings.origin ?? 'the MeshConfig';
    const owners = this.#covering(steps).filter((given) => given.namespace !== namespace);
    const [longest] = [...owners].sort((a, b) => b.prefix.length - a.prefix.length);
    if (longest === undefined) return `no row of spec.exposure in ${file} gives it to namespace ${namespace}`;
    return `it belongs to namespace ${longest.namespace} by ${file} spec.exposure[${longest.index}]`;
  }

  /** The row that would give a namespace a path. */
  advice(namespace: string, paths: string): string {
    const row = `{namespace: ${namespace}, gateway: ${this.#gateway}, paths: [${paths}]}`;
    return `${row} in spec.exposure of ${this.#settings.origin ?? 'the MeshConfig'}`;
  }

  #covering(steps: readonly TemplateStep[]): readonly Given[] {
    const literals = leadingLiterals(steps);
    return this.#given.filter(({ prefix }) => prefix.every((segment, at) => literals[at] === segment));
  }
}

const everywhere: Grants = new Map([[anyHost, 0]]);

function hostsOf(hosts: readonly string[]): readonly string[] {
  return hosts.length === 0 ? [anyHost] : hosts;
}

/** Where a template begins, as a row would say it: "/v1/products" of "/v1/products/{id}". */
export function prefixOf(steps: readonly TemplateStep[]): string {
  return `/${leadingLiterals(steps).join('/')}`;
}
