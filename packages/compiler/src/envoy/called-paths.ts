import { methodOf } from '../model/method.ts';
import type { Destination } from '../model/route.ts';
import type { CalledService } from './called-services.ts';
import { governed, type Places, reachedBy } from './places.ts';
import type { Reach } from './reach.ts';
import type { Reached } from './rule-routes.ts';

/** A path that a caller may call, and how it reaches each destination of a service's routes (`destinationsOf`). */
export type Permitted = readonly [path: string, reaches: readonly Reach[]];

/** How callers reach what rewrites of paths lead to: by `callablePaths` of the destinations. */
export class CalledPaths {
  readonly #places: Places;
  readonly #reaches: ReadonlyMap<string, readonly Reach[]>;

  constructor(places: Places, permitted: readonly Permitted[]) {
    this.#places = places;
    this.#reaches = new Map(permitted);
  }

  /** Undefined: whoever calls by these routes may not call `path` there. */
  reach(to: Destination, path: string): Reached | undefined {
    const service = governed(this.#places.services.get(to.service), to.port);
    const judged = service ? methodOf(service.methods, path)?.path : anyPath;
    return reachedBy(this.#places, this.#reaches.get(judged ?? '') ?? [], to);
  }

  /** The paths of what may be called there. */
  callable(to: Destination): readonly string[] {
    const paths = callablePaths(this.#places.services.get(to.service), to.port);
    return paths.filter((path) => this.reach(to, path) !== undefined);
  }
}

/** The paths of a service by which access to a port is decided: those of its methods, or one for all. */
export function callablePaths(service: CalledService | undefined, port: number): readonly string[] {
  const methods = governed(service, port)?.methods;
  return methods ? [...methods.keys()] : [anyPath];
}

const anyPath = '/*';
