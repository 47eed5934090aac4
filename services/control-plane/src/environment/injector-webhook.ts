import { settingsKey } from '@weft/compiler/facts/fact-collections';
import type { MeshSettings } from '@weft/compiler/model/mesh';
import type { SocketAddress } from '@weft/compiler/model/workload';
import { injectorConfiguration, webhookService } from '@weft/compiler/pod/names';
import { z } from 'zod';
import type { InjectorSettings } from '../injector/settings.ts';
import { startWebhook, type Webhook } from '../injector/webhook.ts';
import { type WebhookAuthority, WebhookCertificates } from '../injector/webhook-certificate.ts';
import type { KubernetesApi } from '../kubernetes/api.ts';
import type { KubernetesSource } from '../sources/kubernetes/kubernetes.ts';
import type { EnvironmentLog } from './environment.ts';
import { WebhookAuthorities } from './webhook-authorities.ts';

export interface InjectorWebhookOptions {
  readonly api: KubernetesApi;
  readonly namespace: string;
  readonly listen: SocketAddress;
  readonly settings: InjectorSettings;
  readonly source: KubernetesSource;
  readonly decides: () => boolean;
  readonly log: EnvironmentLog;
  /** The Service by which the API server calls. Default: "weft-webhook". */
  readonly service?: string;
  /** How often the configuration is looked at. Default: 5 s. */
  readonly everyMs?: number;
}

/** The injector's webhook and what keeps the API server's trust in it. */
export interface InjectorWebhook {
  readonly address: SocketAddress;
  close(): Promise<void>;
}

/** The configuration whose caBundle is kept. */
const configurationPath = `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${injectorConfiguration}`;

const configurationSchema = z.looseObject({
  webhooks: z
    .array(z.looseObject({ name: z.string(), clientConfig: z.looseObject({ caBundle: z.string().optional() }) }))
    .nullish(),
});

/**
 * Serves the injector with a certificate of an authority that all replicas share (a Secret), and has the API server trust it: whoever
 * decides writes the authority into each webhook of the configuration, again whenever somebody else changes it.
 */
export async function runInjector(options: InjectorWebhookOptions): Promise<InjectorWebhook> {
  const { api, namespace, source, log, service = webhookService, everyMs = 5000 } = options;
  const authorities = new WebhookAuthorities({ api, namespace });
  const first = await authorities.open();
  const dnsNames = [`${service}.${namespace}.svc`, `${service}.${namespace}.svc.cluster.local`];
  const certificates = new WebhookCertificates(first.current, dnsNames);
  const webhook: Webhook = await startWebhook({
    listen: options.listen,
    settings: { ...options.settings, outbound: () => outboundOf(source) },
    certificates,
    log,
    namespaceLabels: async (name) => {
      const known = source.objects.namespaces.get(name);
      if (known) return known.metadata.labels ?? {};
      // So new that it has not been heard of.
      const found = await api.call({ path: `/api/v1/namespaces/${name}` }).catch(() => undefined);
      const { metadata }: { metadata?: unknown } = Object(found);
      const { labels }: { labels?: unknown } = Object(metadata);
      return found === undefined
        ? undefined
        : z
            .record(z.string(), z.string())
            .catch({})
            .parse(labels ?? {});
    },
  });

  let signing: WebhookAuthority = first.current;
  let told = '';
  async function look(): Promise<void> {
    const { current, bundle } = options.decides() ? await authorities.renew() : await authorities.load();
    const configuration = configurationSchema.parse(await api.call({ path: configurationPath }));
    const caBundle = Buffer.from(bundle).toString('base64');
    const webhooks = configuration.webhooks ?? [];
    const trusts = webhooks.every(({ clientConfig }) => clientConfig.caBundle === caBundle);
    if (!trusts && options.decides()) {
      const body = webhooks.flatMap(({ name }, index) => [
        // Somebody may have changed the order meanwhile.
        { op: 'test', path: `/webhooks/${index}/name`, value: name },
        { op: 'add', path: `/webhooks/${index}/clientConfig/caBundle`, value: caBundle },
      ]);
      await api.call({ method: 'PATCH', path: configurationPath, body, contentType: 'application/json-patch+json' });
      log.info({ webhooks: webhooks.length }, 'the API server trusts the injector');
    } else if (trusts && signing.certificate !== current.certificate) {
      signing = current;
      certificates.replaceAuthority(current);
    }
    told = '';
  }
  const attempt = () =>
    look().catch((error: unknown) => {
      const message = String(error);
      if (message !== told) log.warn({ error: message }, `the ${injectorConfiguration} configuration cannot be kept`);
      told = message;
    });
  await attempt();
  const timer = setInterval(() => void attempt(), everyMs).unref();
  return {
    address: webhook.address,
    async close() {
      clearInterval(timer);
      certificates.close();
      await webhook.close();
    },
  };
}

/** While the mesh is not known, nobody takes himself out of what it may say. */
function outboundOf({ facts, namespaces }: KubernetesSource): MeshSettings['outbound'] {
  const settings = facts.settings.get(settingsKey);
  // A rule may be about the pod, and its labels may change later.
  if (settings?.outbounds?.some(({ outbound }) => outbound === 'deny')) return 'deny';
  return settings?.outbound ?? (namespaces.size > 0 ? 'allow' : 'deny');
}
