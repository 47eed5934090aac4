import { randomUUID } from 'node:crypto';
import type { DescService } from '@bufbuild/protobuf';
import { type Client, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { CatalogService } from '@shop/catalog-contract/v1';
import { InventoryService } from '@shop/inventory-contract/v1';
import { OrderService } from '@shop/orders-contract/v1';

/** A card that the simulated provider approves. */
export const goodCard = '4242424242424242';

/** The shop as an outside caller sees it: gRPC through the edge. */
export interface Shop {
  readonly catalog: Client<typeof CatalogService>;
  readonly inventory: Client<typeof InventoryService>;
  readonly orders: Client<typeof OrderService>;
}

/** Clients of the shop behind `edge`. */
export function shopAt(edge: string): Shop {
  return {
    catalog: grpcClient(CatalogService, edge),
    inventory: grpcClient(InventoryService, edge),
    orders: grpcClient(OrderService, edge),
  };
}

/** A gRPC client of any service. */
export function grpcClient<S extends DescService>(service: S, baseUrl: string): Client<S> {
  return createClient(service, createGrpcTransport({ baseUrl }));
}

/** One client a protocol of the orders, by the protocol's name. */
export function orderClients(edge: string): ReadonlyMap<string, Client<typeof OrderService>> {
  return new Map([
    ['gRPC', createClient(OrderService, createGrpcTransport({ baseUrl: edge }))],
    ['gRPC-Web', createClient(OrderService, createGrpcWebTransport({ baseUrl: edge, httpVersion: '1.1' }))],
    [
      'gRPC-Web JSON',
      createClient(OrderService, createGrpcWebTransport({ baseUrl: edge, httpVersion: '2', useBinaryFormat: false })),
    ],
    ['Connect', createClient(OrderService, createConnectTransport({ baseUrl: edge, httpVersion: '1.1' }))],
    [
      'Connect JSON',
      createClient(OrderService, createConnectTransport({ baseUrl: edge, httpVersion: '2', useBinaryFormat: false })),
    ],
  ]);
}

/** An order that goes through: one piece each of two products. */
export function goodOrder(
  overrides: { idempotencyKey?: string; customerId?: string; wait?: boolean; cardNumber?: string } = {},
) {
  return {
    idempotencyKey: randomUUID(),
    customerId: randomUUID(),
    items: [
      { sku: 'WFT-0001', quantity: 1 },
      { sku: 'WFT-0002', quantity: 2 },
    ],
    currencyCode: 'EUR',
    cardNumber: goodCard,
    wait: true,
    ...overrides,
  };
}
