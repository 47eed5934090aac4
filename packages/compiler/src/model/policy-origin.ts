import { type ResourceRef, refWords } from './resource-ref.ts';

/** Who decided a part of a method's policy: the contract, by an option of the method or of its service, or a resource. */
export type PolicyOrigin =
  | {
      readonly is: 'contract';
      /** "bakery.orders.v1.OrderService". */
      readonly service: string;
      /** "PlaceOrder"; absent: the service says it for all its methods. */
      readonly method?: string;
    }
  | { readonly is: 'resource'; readonly ref: ResourceRef };

/** As people write it: "bakery.orders.v1.OrderService/PlaceOrder", "MeshOverride bakery/deny-orders". */
export function originWords(origin: PolicyOrigin): string {
  if (origin.is === 'resource') return refWords(origin.ref);
  return origin.method === undefined ? origin.service : `${origin.service}/${origin.method}`;
}
