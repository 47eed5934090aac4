/** Something in one resource that was not understood. It stops nothing else. */
export interface Problem {
  /** The resource as its author knows it: "mesh/orders.yaml", "MeshPolicy shop/orders". */
  readonly resource: string;
  /** The path in it, where one is to blame: "spec.ports[0].port", "shop.orders.v1.OrderService/PlaceOrder". */
  readonly field?: string;
  /** What is wrong, with the value and the bound. */
  readonly message: string;
  /** What would be right. */
  readonly advice?: string;
}
