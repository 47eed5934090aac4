import { kinds, ownKinds } from '@weft/compiler/kinds/registry';
import { weftGroup } from '@weft/compiler/model/resource-ref';
import {
  claimConfigMap,
  controlPlaneName,
  injectorConfiguration,
  pinConfigMap,
  rootConfigMap,
  rootSecretName,
  webhookSecret,
} from '@weft/compiler/pod/names';
import { k8s as kubernetes } from 'cdk8s-plus-33';
import { Construct } from 'constructs';
import { namespaces } from './names.ts';

const rbac = 'rbac.authorization.k8s.io';
const read = ['get', 'list', 'watch'];
const subjects = [{ kind: 'ServiceAccount', name: controlPlaneName, namespace: namespaces.system }];
const plurals = ownKinds.map(({ plural }) => plural);

/** What the control plane may do in all namespaces, and what users may do with Weft's kinds. */
export class ClusterRights extends Construct {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    new kubernetes.KubeClusterRole(this, 'cluster-role', {
      metadata: { name: controlPlaneName },
      rules: [
        { apiGroups: [''], resources: ['namespaces', 'pods', 'services'], verbs: read },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: read },
        { apiGroups: [weftGroup], resources: plurals, verbs: read },
        {
          apiGroups: [weftGroup],
          resources: plurals.map((plural) => `${plural}/status`),
          verbs: ['get', 'patch', 'update'],
        },
        // Who could make a pod again that runs a contract, before it removes that.
        { apiGroups: ['apps'], resources: ['controllerrevisions', 'deployments', 'replicasets'], verbs: ['list'] },
        { apiGroups: ['batch'], resources: ['cronjobs', 'jobs'], verbs: ['list'] },
        // Contracts, which it removes after their last pod, and the root's certificate in every namespace of the mesh.
        { apiGroups: [''], resources: ['configmaps'], verbs: [...read, 'create', 'delete'] },
        { apiGroups: [''], resources: ['configmaps'], resourceNames: [rootConfigMap], verbs: ['patch', 'update'] },
        { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
        // Who a proxy is.
        { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
        // The certificate authority of its webhook.
        {
          apiGroups: ['admissionregistration.k8s.io'],
          resources: ['mutatingwebhookconfigurations'],
          resourceNames: [injectorConfiguration],
          verbs: ['get', 'patch', 'update'],
        },
      ],
    });
    new kubernetes.KubeClusterRoleBinding(this, 'cluster-binding', {
      metadata: { name: controlPlaneName },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: controlPlaneName },
      subjects,
    });
    this.#forUsers();
  }

  #forUsers(): void {
    const aggregate = (...roles: string[]) =>
      Object.fromEntries(roles.map((role) => [`${rbac}/aggregate-to-${role}`, 'true']));
    new kubernetes.KubeClusterRole(this, 'view', {
      metadata: { name: 'weft-view', labels: aggregate('view') },
      rules: [{ apiGroups: [weftGroup], resources: plurals, verbs: read }],
    });
    new kubernetes.KubeClusterRole(this, 'edit', {
      metadata: { name: 'weft-edit', labels: aggregate('edit', 'admin') },
      rules: [
        {
          apiGroups: [weftGroup],
          resources: [kinds.MeshPolicy.plural],
          verbs: ['create', 'delete', 'deletecollection', 'patch', 'update'],
        },
      ],
    });
    // For those on call; bound to nobody.
    new kubernetes.KubeClusterRole(this, 'override', {
      metadata: { name: 'weft-override' },
      rules: [
        {
          apiGroups: [weftGroup],
          resources: [kinds.MeshOverride.plural],
          verbs: ['create', 'delete', 'patch', 'update'],
        },
      ],
    });
  }
}

/** What the control plane may do in its own namespace. */
export class OwnRights extends Construct {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    new kubernetes.KubeRole(this, 'role', {
      metadata: { name: controlPlaneName },
      rules: [
        // A name cannot be given where something is made.
        { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
        {
          apiGroups: [''],
          resources: ['secrets'],
          resourceNames: [rootSecretName, webhookSecret],
          verbs: [...read, 'patch', 'update'],
        },
        // The revision that the mesh is held at (weft revert).
        {
          apiGroups: [''],
          resources: ['configmaps'],
          resourceNames: [pinConfigMap, claimConfigMap],
          verbs: ['update'],
        },
        // Who decides, and a Lease for each replica, by which they agree.
        {
          apiGroups: ['coordination.k8s.io'],
          resources: ['leases'],
          verbs: [...read, 'create', 'delete', 'patch', 'update'],
        },
      ],
    });
    new kubernetes.KubeRoleBinding(this, 'binding', {
      metadata: { name: controlPlaneName },
      roleRef: { apiGroup: rbac, kind: 'Role', name: controlPlaneName },
      subjects,
    });
  }
}
