import { Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import { ControlPlane } from './control-plane.ts';
import { Edge } from './edge.ts';
import type { Images } from './images.ts';
import { Injector } from './injector.ts';
import { MeshSettings, type Tracing } from './mesh-settings.ts';
import { namespaces } from './names.ts';
import { ClusterRights, OwnRights } from './rights.ts';

/** What belongs to no namespace: the mesh's settings, rights, and the webhook that gives pods their sidecars. */
export class WeftInCluster extends Chart {
  constructor(scope: Construct, id: string, options: { readonly tracing?: Tracing } = {}) {
    super(scope, id, { disableResourceNameHashes: true });
    new MeshSettings(this, 'settings', options);
    new ClusterRights(this, 'rights');
    new Injector(this, 'injector');
  }
}

/** The mesh itself: the control plane, which is the webhook too, and the edge. */
export class Weft extends Chart {
  constructor(scope: Construct, id: string, options: { readonly images: Images }) {
    super(scope, id, { namespace: namespaces.system, disableResourceNameHashes: true });
    const { images } = options;
    new OwnRights(this, 'rights');
    new ControlPlane(this, 'control-plane', { images });
    new Edge(this, 'edge', { images });
  }
}
