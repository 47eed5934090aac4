import { marks } from '@weft/compiler/pod/marks';
import { injectorConfiguration, webhookService } from '@weft/compiler/pod/names';
import { type k8s, k8s as kubernetes } from 'cdk8s-plus-33';
import { Construct } from 'constructs';
import { namespaces } from './names.ts';

const neverInjected = ['kube-system', 'kube-public', 'kube-node-lease', namespaces.system];

/** Sends new pods of the mesh to the control plane for their sidecars. The control plane writes its authority into caBundle. */
export class Injector extends Construct {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    const elsewhere = { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: neverInjected };
    const common = {
      rules: [
        { apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'], scope: 'Namespaced' },
      ],
      clientConfig: { service: { name: webhookService, namespace: namespaces.system, path: '/inject', port: 443 } },
      admissionReviewVersions: ['v1'],
      sideEffects: 'None',
      reinvocationPolicy: 'IfNeeded',
      failurePolicy: 'Fail',
      timeoutSeconds: 10,
    } satisfies Partial<k8s.MutatingWebhook>;
    new kubernetes.KubeMutatingWebhookConfiguration(this, 'webhook', {
      metadata: { name: injectorConfiguration },
      webhooks: [
        {
          ...common,
          name: 'namespace.injector.weft.dev',
          // The namespace's word; a pod that says otherwise is left alone.
          namespaceSelector: { matchLabels: { [marks.inject]: 'true' }, matchExpressions: [elsewhere] },
          objectSelector: { matchExpressions: [{ key: marks.inject, operator: 'NotIn', values: ['false'] }] },
        },
        {
          ...common,
          name: 'pod.injector.weft.dev',
          // A pod's own word.
          namespaceSelector: {
            matchExpressions: [{ key: marks.inject, operator: 'NotIn', values: ['true'] }, elsewhere],
          },
          objectSelector: { matchLabels: { [marks.inject]: 'true' } },
        },
      ],
    });
  }
}
