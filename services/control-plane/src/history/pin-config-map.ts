import { promisify } from 'node:util';
import { gunzipSync, gzip } from 'node:zlib';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { pinConfigMap } from '@weft/compiler/pod/names';
import { z } from 'zod';
import { ApiError, type KubernetesApi } from '../kubernetes/api.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { Reflector, type ReflectorTimes } from '../kubernetes/reflector.ts';
import type { Pin } from './pin.ts';
import type { PinStore } from './pin-store.ts';

const compress = promisify(gzip);

const key = 'pin.json.gz';

/** What etcd takes of one object, less some for its metadata. */
const maxBytes = 1_000_000;

const text = z.string();
const pinSchema = z.object({
  format: z.literal(1),
  revisionId: text,
  sinceMs: z.number(),
  why: text,
  by: text,
  running: z.array(text),
  contracts: z.array(
    z
      .object({ namespace: text, hash: text, origin: text, descriptorSet: z.base64() })
      .transform((contract) => ({ ...contract, descriptorSet: Buffer.from(contract.descriptorSet, 'base64') }))
      .refine(({ hash, descriptorSet }) => contractHash(descriptorSet) === hash, 'a descriptor set of its hash'),
  ),
  resources: z.array(
    z.object({
      apiVersion: text,
      kind: text,
      metadata: z.object({
        name: text,
        namespace: text.exactOptional(),
        labels: z.record(text, text).exactOptional(),
        creationTimestamp: text.exactOptional(),
      }),
      spec: z.unknown(),
      origin: text,
    }),
  ),
});

/**
 * Keeps the pin in a cluster, whole with its contracts, so that all replicas of the control plane hold the mesh at the same revision:
 * those that have not pushed it themselves, too, and those that start later.
 */
export class PinConfigMap implements PinStore {
  readonly place = { resource: `the ConfigMap ${pinConfigMap}`, field: `binaryData["${key}"]` };
  readonly #api: KubernetesApi;
  readonly #namespace: string;
  readonly #present: Reflector;
  readonly #synced = Promise.withResolvers<void>();
  #listener: ((pin: Pin | undefined) => void) | undefined;
  #seen: KubernetesObject | undefined;

  constructor(options: {
    readonly api: KubernetesApi;
    readonly namespace: string;
    readonly times?: Partial<ReflectorTimes>;
  }) {
    const { api, namespace, times } = options;
    this.#api = api;
    this.#namespace = namespace;
    this.#present = new Reflector({
      api,
      path: `/api/v1/namespaces/${namespace}/configmaps`,
      apiVersion: 'v1',
      kind: 'ConfigMap',
      fieldSelector: `metadata.name=${pinConfigMap}`,
      onChange: () => this.#look(),
      ...(times ? { times } : {}),
    });
  }

  /** Resolves once the API server has said what there is, however long that takes. */
  async load(): Promise<Pin | undefined> {
    this.#present.start();
    await this.#synced.promise;
    this.#seen = this.#object();
    return readPin(this.#seen);
  }

  async save(pin: Pin | undefined): Promise<void> {
    if (pin === undefined) return await this.#remove();
    const contracts = pin.contracts.map(({ namespace, hash, origin, descriptorSet }) => {
      return { namespace, hash, origin, descriptorSet: Buffer.from(descriptorSet).toString('base64') };
    });
    const content = (await compress(JSON.stringify({ format: 1, ...pin, contracts }))).toString('base64');
    if (content.length > maxBytes) {
      throw new RangeError(
        `its contracts and policies take ${content.length} bytes, and a ConfigMap holds ${maxBytes}`,
      );
    }
    const labels = { 'app.kubernetes.io/managed-by': 'weft', 'app.kubernetes.io/part-of': 'weft' };
    const metadata = { name: pinConfigMap, namespace: this.#namespace, labels };
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata, binaryData: { [key]: content } };
    try {
      await this.#api.call({ method: 'POST', path: this.#path(), body });
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 409) throw error;
      await this.#api.call({ method: 'PUT', path: this.#path(pinConfigMap), body });
    }
  }

  onKept(listener: (pin: Pin | undefined) => void): void {
    this.#listener = listener;
  }

  async close(): Promise<void> {
    await this.#present.close();
  }

  async #remove(): Promise<void> {
    try {
      await this.#api.call({ method: 'DELETE', path: this.#path(pinConfigMap) });
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
    }
  }

  #look(): void {
    if (!this.#present.synced) return;
    this.#synced.resolve();
    const object = this.#object();
    if (object === this.#seen || this.#listener === undefined) return;
    this.#seen = object;
    try {
      this.#listener(readPin(object));
    } catch {
      // Somebody has spoiled it: what holds goes on.
    }
  }

  #object(): KubernetesObject | undefined {
    return this.#present.objects.get(`${this.#namespace}/${pinConfigMap}`);
  }

  #path(name?: string): string {
    return `/api/v1/namespaces/${this.#namespace}/configmaps${name === undefined ? '' : `/${name}`}`;
  }
}

function readPin(object: KubernetesObject | undefined): Pin | undefined {
  if (object === undefined) return undefined;
  const { [key]: content }: Record<string, unknown> = Object(object.binaryData);
  const json = gunzipSync(Buffer.from(String(content), 'base64'), { maxOutputLength: 64 << 20 }).toString('utf8');
  const { format: _, ...pin } = pinSchema.parse(JSON.parse(json));
  return pin;
}
