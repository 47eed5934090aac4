import { marks } from '@weft/compiler/pod/marks';
import { Chart } from 'cdk8s';
import { k8s as kubernetes } from 'cdk8s-plus-33';
import type { Construct } from 'constructs';
import { namespaces } from './names.ts';

/** The namespaces. Pods of the shop get sidecars; the control plane's never do. */
export class Namespaces extends Chart {
  constructor(scope: Construct, id: string) {
    super(scope, id, { disableResourceNameHashes: true });
    new kubernetes.KubeNamespace(this, 'system', { metadata: { name: namespaces.system } });
    new kubernetes.KubeNamespace(this, 'shop', {
      metadata: { name: namespaces.shop, labels: { [marks.inject]: 'true' } },
    });
  }
}
