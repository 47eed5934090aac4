import type { ServerResponse } from 'node:http';

/** An object of the Kubernetes API, as far as every kind has the same fields. */
export interface ApiObject {
  readonly metadata: ApiMetadata;
  readonly [field: string]: unknown;
}

/** The metadata of an object. */
export interface ApiMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** Which objects of a collection a request is about. */
export type Filter = (object: ApiObject) => boolean;

interface Change {
  readonly version: number;
  readonly object: ApiObject;
  /** The line of a watch. */
  readonly line: string;
}

interface Watch {
  readonly response: ServerResponse;
  readonly filter: Filter;
}

/** Watches can begin at any of the last changes; earlier ones are gone. */
const maxHistory = 5000;

/**
 * All objects of one kind, by the rules of https://kubernetes.io/docs/reference/using-api/api-concepts/: each object has the version
 * of its last change, and a watch gives every change after a version. An object becomes JSON once, whoever lists or watches it.
 */
export class RecordedCollection {
  readonly #objects = new Map<string, { readonly object: ApiObject; readonly json: string }>();
  readonly #history: Change[] = [];
  readonly #watches = new Set<Watch>();
  #oldest = 0;

  get(key: string): ApiObject | undefined {
    return this.#objects.get(key)?.object;
  }

  /** Stores an object, and tells everyone who watches it. */
  put(object: ApiObject, version: number): void {
    const key = keyOf(object.metadata);
    const type = this.#objects.has(key) ? 'MODIFIED' : 'ADDED';
    const json = JSON.stringify(object);
    this.#objects.set(key, { object, json });
    this.#tell(type, object, json, version);
  }

  /** Removes an object, and tells everyone who watches it. */
  delete(object: ApiObject, version: number): void {
    this.#objects.delete(keyOf(object.metadata));
    this.#tell('DELETED', object, JSON.stringify(object), version);
  }

  /** A page of the objects that pass a filter, as JSON, and how many objects come before the next page; undefined: none do. */
  page(filter: Filter, from: number, limit: number): { readonly items: readonly string[]; readonly next?: number } {
    const items: string[] = [];
    let index = 0;
    for (const { object, json } of this.#objects.values()) {
      if (!filter(object)) continue;
      if (items.length === limit) return { items, next: index };
      if (index >= from) items.push(json);
      index += 1;
    }
    return { items };
  }

  /** Answers a watch: with what has changed after a version, then with each change, until the client goes. */
  watch(response: ServerResponse, filter: Filter, since: number): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (since < this.#oldest) {
      const object = { kind: 'Status', code: 410, reason: 'Expired', message: `too old resource version: ${since}` };
      response.end(`${JSON.stringify({ type: 'ERROR', object })}\n`);
      return;
    }
    const watch = { response, filter };
    for (const { version, object, line } of this.#history) {
      if (version > since && filter(object)) response.write(line);
    }
    this.#watches.add(watch);
    response.once('close', () => this.#watches.delete(watch));
  }

  /** Tells everyone who watches how far they have come. */
  bookmark(version: number): void {
    const object = { metadata: { resourceVersion: String(version) } };
    for (const { response } of this.#watches) response.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
  }

  #tell(type: string, object: ApiObject, json: string, version: number): void {
    const line = `{"type":"${type}","object":${json}}\n`;
    this.#history.push({ version, object, line });
    if (this.#history.length > 2 * maxHistory) {
      for (const { version: gone } of this.#history.splice(0, maxHistory)) this.#oldest = gone;
    }
    for (const { response, filter } of this.#watches) if (filter(object)) response.write(line);
  }
}

/** "namespace/name", or the name of an object that is in no namespace. */
export function keyOf({ namespace, name }: Pick<ApiMetadata, 'namespace' | 'name'>): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
