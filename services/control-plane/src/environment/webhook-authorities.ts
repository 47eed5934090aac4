import { webhookSecret } from '@weft/compiler/pod/names';
import { z } from 'zod';
import { createWebhookAuthority, isAuthorityDue, type WebhookAuthority } from '../injector/webhook-certificate.ts';
import { ApiError, type KubernetesApi } from '../kubernetes/api.ts';

/** Who signs the webhook's certificates, and whom the API server must trust. */
export interface TrustedAuthority {
  readonly current: WebhookAuthority;
  /** PEM: the current one, and the one before it while its certificates may still be served. */
  readonly bundle: string;
}

const secretSchema = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string() }),
  data: z.record(z.string(), z.string()).nullish(),
});

/** The webhook's authority in a Secret: made once, replaced at half of its life, the same for all replicas. */
export class WebhookAuthorities {
  readonly #api: KubernetesApi;
  readonly #namespace: string;
  readonly #path: string;

  constructor({ api, namespace }: { readonly api: KubernetesApi; readonly namespace: string }) {
    this.#api = api;
    this.#namespace = namespace;
    this.#path = `/api/v1/namespaces/${namespace}/secrets`;
  }

  /** What is there, or a new one when there is none. */
  async open(): Promise<TrustedAuthority> {
    try {
      return await this.load();
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
    }
    try {
      await this.#api.call({ method: 'POST', path: this.#path, body: this.#secret(createWebhookAuthority()) });
    } catch (error) {
      // Another replica was quicker.
      if (!(error instanceof ApiError) || error.status !== 409) throw error;
    }
    return this.load();
  }

  /** What is there. Rejects with ApiError 404 when nothing is. */
  async load(): Promise<TrustedAuthority> {
    return this.#read(await this.#get());
  }

  /** What is there, replaced first when half of its life is over or it cannot be used. For one replica at a time. */
  async renew(): Promise<TrustedAuthority> {
    const secret = await this.#get();
    const found = this.#read(secret);
    if (!isAuthorityDue(found.current)) return found;
    const body = this.#secret(createWebhookAuthority(), found.current.certificate, secret.metadata.resourceVersion);
    await this.#api.call({ method: 'PUT', path: `${this.#path}/${webhookSecret}`, body });
    return this.load();
  }

  async #get(): Promise<z.output<typeof secretSchema>> {
    return secretSchema.parse(await this.#api.call({ path: `${this.#path}/${webhookSecret}` }));
  }

  #read({ data }: z.output<typeof secretSchema>): TrustedAuthority {
    const text = (name: string) => Buffer.from(data?.[name] ?? '', 'base64').toString('utf8');
    const certificate = text('ca.pem');
    return { current: { certificate, key: text('ca.key') }, bundle: certificate + text('previous.pem') };
  }

  #secret({ certificate, key }: WebhookAuthority, previous = '', resourceVersion?: string): object {
    const labels = { 'app.kubernetes.io/part-of': 'weft' };
    const metadata = {
      name: webhookSecret,
      namespace: this.#namespace,
      labels,
      ...(resourceVersion ? { resourceVersion } : {}),
    };
    const stringData = { 'ca.pem': certificate, 'ca.key': key, 'previous.pem': previous };
    const data: Record<string, string> = {};
    for (const [name, content] of Object.entries(stringData)) data[name] = Buffer.from(content).toString('base64');
    return { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', metadata, data };
  }
}
