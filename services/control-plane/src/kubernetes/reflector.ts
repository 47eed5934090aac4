import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, type KubernetesApi } from './api.ts';
import { eventSchema, type KubernetesObject, keyOf, listSchema, objectSchema } from './object.ts';

/** What a reflector keeps up with. */
export interface ReflectorOptions {
  readonly api: KubernetesApi;
  /** "/api/v1/pods". */
  readonly path: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** The API server need not know this kind; while it does not, there is nothing of it. Default: false. */
  readonly optional?: boolean;
  /**
   * Called after each change of `objects`, `unreadable`, `problem` or `synced`, with the keys of the objects that have come, changed
   * or gone.
   */
  readonly onChange: (keys: Iterable<string>) => void;
  /** What is kept of an object. Default: everything but `metadata.managedFields`. */
  readonly trim?: (object: KubernetesObject) => KubernetesObject;
  readonly times?: Partial<ReflectorTimes>;
  /** Default: Math.random. */
  readonly random?: () => number;
}

/** Times of a reflector, in milliseconds. */
export interface ReflectorTimes {
  /** The wait after a first failure; it doubles with each that follows. Default: 250. */
  readonly firstRetryMs: number;
  /** Default: 30,000. */
  readonly lastRetryMs: number;
  /** The API server ends a watch after this; it is then taken up where it was. Default: 5 to 10 minutes. */
  readonly watchMs: number;
  /** A watch on which nothing comes, not even a bookmark, for so long is dead. Default: 2.5 minutes. */
  readonly idleMs: number;
  /** Everything is listed anew after so long, should an event have been lost. Default: 1 hour. */
  readonly resyncMs: number;
  /** How often a kind that the API server does not know is asked for again. Default: 10 s. */
  readonly absentMs: number;
}

const defaults: ReflectorTimes = {
  firstRetryMs: 250,
  lastRetryMs: 30_000,
  watchMs: 0,
  idleMs: 150_000,
  resyncMs: 3_600_000,
  absentMs: 10_000,
};

const pageSize = '500';
/** An API server that has just started denies kinds that it has not read yet. */
const denialsUntilAbsent = 3;

/**
 * Keeps a copy of all objects of one kind: lists them once, then watches, by the rules of
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes.
 *
 * What is known stays while the API server is away or talks nonsense: only a whole list, or an event, takes an object away. A list
 * that brings an object in the version that is known keeps the very same object.
 */
export class Reflector {
  readonly #options: ReflectorOptions;
  readonly #times: ReflectorTimes;
  readonly #stop = new AbortController();
  #objects = new Map<string, KubernetesObject>();
  #unreadable = new Map<string, string>();
  #synced = false;
  #problem: string | undefined;
  #version: string | undefined;
  #listedMs = 0;
  #failures = 0;
  #denials = 0;
  #running: Promise<void> | undefined;

  constructor(options: ReflectorOptions) {
    this.#options = options;
    this.#times = { ...defaults, ...options.times };
  }

  /** Of its objects. */
  get apiVersion(): string {
    return this.#options.apiVersion;
  }

  get kind(): string {
    return this.#options.kind;
  }

  /** By "namespace/name", live. */
  get objects(): ReadonlyMap<string, KubernetesObject> {
    return this.#objects;
  }

  /** Everything was listed once: `objects` is what there is, and not what has come so far. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Why it cannot keep up now. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Objects that came and are none, by what is known of their name, with the reason. */
  get unreadable(): ReadonlyMap<string, string> {
    return this.#unreadable;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        if (this.#version === undefined || Date.now() - this.#listedMs > this.#times.resyncMs) await this.#list();
        await this.#watch();
        this.#failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        await this.#fail(error);
      }
    }
  }

  async #fail(error: unknown): Promise<void> {
    const status = error instanceof ApiError ? error.status : 0;
    const message = error instanceof Error ? error.message : String(error);
    let waitMs = Math.min(this.#times.firstRetryMs * 2 ** this.#failures, this.#times.lastRetryMs);
    this.#failures += 1;
    if (status === 410) {
      // What we know is too old to go on from; that is no failure of anybody.
      this.#version = undefined;
      waitMs = this.#failures > 1 ? waitMs : 0;
    } else if (status === 404 && this.#options.optional) {
      this.#version = undefined;
      this.#denials += 1;
      if (this.#denials >= denialsUntilAbsent || !this.#synced) {
        this.#become(new Map(), new Map());
        waitMs = this.#times.absentMs;
      }
    } else if (this.#failures > 1) {
      // A connection that breaks once is what happens when an API server restarts.
      this.#tell(`${this.#options.kind} cannot be read from the API server: ${message}`);
    }
    const spread = 0.5 + (this.#options.random ?? Math.random)();
    await sleep(waitMs * spread, undefined, { signal: this.#stop.signal, ref: false }).catch(() => undefined);
  }

  async #list(): Promise<void> {
    const { api, path, labelSelector, fieldSelector } = this.#options;
    const objects = new Map<string, KubernetesObject>();
    const unreadable = new Map<string, string>();
    let next: string | undefined;
    let version: string | undefined;
    do {
      const query = { limit: pageSize, continue: next, labelSelector, fieldSelector };
      const answer = listSchema.safeParse(await api.call({ path, query, signal: this.#stop.signal }));
      if (!answer.success) throw new ApiError(0, 'an answer that is no list');
      const { items, metadata } = answer.data;
      version = metadata.resourceVersion;
      next = metadata.continue || undefined;
      for (const item of items ?? []) this.#put(item, objects, unreadable);
    } while (next !== undefined);
    if (version === undefined) throw new ApiError(0, 'a list without a version');
    this.#version = version;
    this.#listedMs = Date.now();
    this.#failures = 0;
    this.#denials = 0;
    this.#become(objects, unreadable);
  }

  async #watch(): Promise<void> {
    const { api, path, labelSelector, fieldSelector, random = Math.random } = this.#options;
    const watchMs = this.#times.watchMs || 300_000 * (1 + random());
    const query = {
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: this.#version,
      timeoutSeconds: String(Math.ceil(watchMs / 1000)),
      labelSelector,
      fieldSelector,
    };
    let events = 0;
    const startedMs = Date.now();
    const onLine = (line: string) => {
      this.#take(line);
      events += 1;
      this.#failures = 0;
    };
    const onBegin = () => {
      if (this.#problem !== undefined) this.#tell(undefined);
    };
    const { signal } = this.#stop;
    await api.lines({ path, query, signal, idleMs: this.#times.idleMs }, onLine, onBegin);
    // A server that ends each watch at once would be asked without a pause.
    if (events === 0 && Date.now() - startedMs < this.#times.firstRetryMs)
      throw new ApiError(0, 'the watch ended at once');
  }

  #take(line: string): void {
    let parsed: unknown;
    try {
      parsed = JSON.parse(line);
    } catch {
      throw new ApiError(0, 'an event that is not JSON');
    }
    const event = eventSchema.safeParse(parsed);
    if (!event.success) throw new ApiError(0, 'an event that is none');
    const { type, object } = event.data;
    if (type === 'ERROR') {
      const { code, message } = object;
      // Whatever else it is, what comes after an error cannot be relied on: all is listed anew.
      this.#version = undefined;
      throw new ApiError(typeof code === 'number' ? code : 0, String(message ?? 'the watch failed'));
    }
    const { metadata }: { metadata?: unknown } = object;
    const { resourceVersion }: { resourceVersion?: unknown } = Object(metadata);
    if (type !== 'BOOKMARK') {
      const key = type === 'DELETED' ? this.#remove(object) : this.#put(object, this.#objects, this.#unreadable);
      this.#options.onChange(key === undefined ? [] : [key]);
    }
    if (typeof resourceVersion === 'string') this.#version = resourceVersion;
  }

  /** Takes an object into `objects`. Returns its key when it is another than the one that is known, or none at all. */
  #put(item: unknown, objects: Map<string, KubernetesObject>, unreadable: Map<string, string>): string | undefined {
    const read = objectSchema.safeParse(item);
    if (!read.success) {
      const { metadata }: { metadata?: unknown } = Object(item);
      const { namespace, name }: { namespace?: unknown; name?: unknown } = Object(metadata);
      const key = `${typeof namespace === 'string' ? `${namespace}/` : ''}${typeof name === 'string' ? name : '?'}`;
      unreadable.set(key, read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '));
      return undefined;
    }
    const key = keyOf(read.data);
    unreadable.delete(key);
    const known = this.#objects.get(key);
    const { resourceVersion } = read.data.metadata;
    if (resourceVersion !== undefined && known?.metadata.resourceVersion === resourceVersion) {
      objects.set(key, known);
      return undefined;
    }
    // By far the most of many objects, and nobody's business here.
    const { managedFields: _, ...metadata } = read.data.metadata;
    const { apiVersion, kind, trim = (object) => object } = this.#options;
    objects.set(key, trim({ ...read.data, apiVersion, kind, metadata }));
    return key;
  }

  #remove(item: unknown): string | undefined {
    const read = objectSchema.safeParse(item);
    if (!read.success) return undefined;
    const key = keyOf(read.data);
    this.#unreadable.delete(key);
    return this.#objects.delete(key) ? key : undefined;
  }

  /** Takes a whole list. */
  #become(objects: Map<string, KubernetesObject>, unreadable: Map<string, string>): void {
    const before = this.#objects;
    this.#objects = objects;
    this.#unreadable = unreadable;
    this.#synced = true;
    this.#problem = undefined;
    const changed = [...objects.keys()].filter((key) => objects.get(key) !== before.get(key));
    const gone = [...before.keys()].filter((key) => !objects.has(key));
    this.#options.onChange([...changed, ...gone]);
  }

  #tell(problem: string | undefined): void {
    this.#problem = problem;
    this.#options.onChange([]);
  }
}
