import { marks } from '@weft/compiler/pod/marks';
import { systemNamespace } from '@weft/compiler/pod/names';
import { controlPlanePorts, readyPort } from '@weft/compiler/pod/ports';

/**
 * What the parts of the environment must agree on, here and in the charts: chart-agreement.test.ts compares the two.
 */

/** Namespaces. */
export const namespaces = { system: systemNamespace, shop: 'shop' } as const;

/** Ports, by what listens there. */
export const ports = {
  ...controlPlanePorts,
  /** Applications, in their pods. */
  application: 8080,
  /** Services, for their callers. */
  service: 80,
  /** The edge, in its pod. */
  edge: 8080,
  /** The edge, on each node. kind.yaml maps it to port 8080 of the machine. */
  edgeNode: 30_080,
  /** GET /ready and /stats/prometheus of every Envoy. */
  ready: readyPort,
  postgres: 5432,
} as const;

/** The labels by which a Service finds its pods, as helm's release of the shop has them. */
export const selector = (name: string): Record<string, string> => ({
  'app.kubernetes.io/name': name,
  'app.kubernetes.io/instance': namespaces.shop,
});

/** The same of the mesh's own: "control-plane", "edge". */
export const systemSelector = (component: string): Record<string, string> => ({
  'app.kubernetes.io/name': `weft-${component}`,
  'app.kubernetes.io/instance': 'weft',
  'app.kubernetes.io/component': component,
});

/** A part of the shop. */
export const partOfShop = { 'app.kubernetes.io/part-of': namespaces.shop } as const;

/** Keeps a pod outside of the mesh. */
export const notInjected = { [marks.inject]: 'false' } as const;

/** One of the shop's services. */
export interface ShopService {
  readonly name: string;
  /** By which callers name it. */
  readonly logicalName: string;
  readonly description: string;
}

/** The shop. */
export const shopServices: readonly ShopService[] = [
  { name: 'catalog', logicalName: 'shop.catalog', description: 'The products that the shop sells.' },
  { name: 'inventory', logicalName: 'shop.inventory', description: 'The stock of each product, and reservations.' },
  { name: 'payments', logicalName: 'shop.payments', description: 'Card payments.' },
  { name: 'orders', logicalName: 'shop.orders', description: 'Orders, from placement to confirmation.' },
];
