import type { ResourceRef } from './resource-ref.ts';

/** Something in one resource that was not understood. It stops nothing else. */
export interface Problem {
  /** The resource as its author knows it, for people: "mesh/orders.yaml", "MeshPolicy bakery/orders". Nobody parses it. */
  readonly resource: string;
  /** The resources that it is about, for conditions and Events. Absent: it is about none, as a directory that cannot be read. */
  readonly about?: readonly ResourceRef[];
  /** The path in it, where one is to blame: "spec.ports[0].port", "bakery.orders.v1.OrderService/PlaceOrder". */
  readonly field?: string;
  /** What is wrong, with the value and the bound. */
  readonly message: string;
  /** What was expected. */
  readonly advice?: string;
}

/** What is wrong with a resource, and what was expected: "is 70000; expected: a port from 1 to 65535". */
export function problemWords({ message, advice }: Pick<Problem, 'message' | 'advice'>): string {
  return advice ? `${message}; expected: ${advice}` : message;
}
