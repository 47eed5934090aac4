import { rootConfigMap } from '@weft/compiler/pod/names';
import { ApiError, type KubernetesApi } from '../kubernetes/api.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { Reflector, type ReflectorTimes } from '../kubernetes/reflector.ts';
import { rootFiles } from './root-files.ts';

/** As much of a logger as is used here. */
export interface PublisherLog {
  warn(fields: object, message: string): void;
}

export interface RootConfigMapsOptions {
  readonly api: KubernetesApi;
  /** Namespaces with pods that need the roots. */
  readonly namespaces: () => ReadonlySet<string>;
  /** Every root that is trusted, PEM. */
  readonly bundle: () => string;
  /** Whether this replica writes. */
  readonly decides: () => boolean;
  readonly log: PublisherLog;
  readonly times?: Partial<ReflectorTimes>;
}

/** The shortest time between two changes of what is there. */
const leastMs = 1000;

/**
 * Keeps a ConfigMap with the roots in every namespace of the mesh: makes it, mends it when somebody changes or deletes it, and
 * leaves alone what is right. One in a namespace that is no longer the mesh's is deleted.
 */
export class RootConfigMaps {
  readonly #options: RootConfigMapsOptions;
  readonly #present: Reflector;
  #writing: Promise<void> | undefined;
  #again = false;
  #closed = false;
  #retry: NodeJS.Timeout | undefined;
  /** When each namespace was written to last. */
  readonly #wroteMs = new Map<string, number>();

  constructor(options: RootConfigMapsOptions) {
    this.#options = options;
    this.#present = new Reflector({
      api: options.api,
      apiVersion: 'v1',
      kind: 'ConfigMap',
      path: '/api/v1/configmaps',
      fieldSelector: `metadata.name=${rootConfigMap}`,
      onChange: () => this.look(),
      ...(options.times ? { times: options.times } : {}),
    });
  }

  start(): void {
    this.#present.start();
  }

  /** Looks whether something is to be written, after namespaces or roots changed. */
  look(): void {
    if (this.#closed || !this.#present.synced || !this.#options.decides()) return;
    this.#again = true;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await this.#present.close();
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      const wanted = this.#options.namespaces();
      const data = rootFiles(this.#options.bundle());
      for (const namespace of wanted) {
        const present = this.#present.objects.get(`${namespace}/${rootConfigMap}`);
        if (present !== undefined && holds(present, data)) continue;
        // Somebody who undoes it each time, such as another mesh in this cluster, must not cost the API server more than this.
        if (present !== undefined && Date.now() - (this.#wroteMs.get(namespace) ?? 0) < leastMs) this.#later(leastMs);
        else await this.#put(namespace, present, data);
      }
      for (const { metadata } of this.#present.objects.values()) {
        const isOurs = metadata.labels?.['app.kubernetes.io/managed-by'] === 'weft';
        if (isOurs && metadata.namespace !== undefined && !wanted.has(metadata.namespace)) {
          await this.#try(metadata.namespace, { method: 'DELETE', path: pathOf(metadata.namespace, true) }, [404]);
        }
      }
    }
  }

  async #put(namespace: string, present: KubernetesObject | undefined, data: object): Promise<void> {
    const labels = { 'app.kubernetes.io/managed-by': 'weft', 'app.kubernetes.io/part-of': 'weft' };
    const body = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: rootConfigMap, namespace, labels },
      data,
    };
    if (present === undefined) {
      // There already: the watch will say so, and then it is looked at again. A namespace that ends takes nothing new.
      await this.#try(namespace, { method: 'POST', path: pathOf(namespace, false), body }, [409, 403, 404]);
    } else {
      this.#wroteMs.set(namespace, Date.now());
      await this.#try(namespace, { method: 'PUT', path: pathOf(namespace, true), body }, [404]);
    }
  }

  #later(waitMs: number): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.look(), waitMs).unref();
  }

  async #try(
    namespace: string,
    request: { method: 'POST' | 'PUT' | 'DELETE'; path: string; body?: unknown },
    harmless: readonly number[],
  ): Promise<void> {
    try {
      await this.#options.api.call(request);
    } catch (error) {
      const status = error instanceof ApiError ? error.status : 0;
      const log = { namespace, error: String(error) };
      if (!harmless.includes(status) || status === 403) this.#options.log.warn(log, 'the roots could not be published');
      this.#later(2000);
    }
  }
}

function pathOf(namespace: string, itself: boolean): string {
  return `/api/v1/namespaces/${namespace}/configmaps${itself ? `/${rootConfigMap}` : ''}`;
}

function holds(object: KubernetesObject, data: Record<string, string>): boolean {
  const present: Record<string, unknown> = Object(object.data);
  return Object.entries(data).every(([name, content]) => present[name] === content);
}
