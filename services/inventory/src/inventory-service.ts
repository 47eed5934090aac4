import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { InventoryService, ReservationStatus, ReserveResponseSchema } from '@shop/inventory-contract/v1';
import { type Database, implement, keyed, once, type ServiceImplementation } from '@weft/service-kit';
import { commit, release, reserve } from './reservation.ts';
import { getStock } from './stock.ts';

/** shop.inventory.v1.InventoryService on the stock of `db`. */
export function inventoryService(db: Database): ServiceImplementation {
  return implement(InventoryService, {
    async getStock(request) {
      const stock = await getStock(db, request.sku);
      return { sku: request.sku, onHand: stock.on_hand, reserved: stock.reserved };
    },
    reserve: keyed(async (request, call) => {
      return await once(db, call, request, ReserveResponseSchema, async (tx) => {
        const { reservationId, createdAt } = await reserve(tx, request.orderId, request.items);
        return { reservationId, createdAt: timestampFromDate(createdAt) };
      });
    }),
    async release(request) {
      await db.transaction((tx) => release(tx, request.orderId));
      return { status: ReservationStatus.RELEASED };
    },
    async commit(request) {
      await db.transaction((tx) => commit(tx, request.orderId));
      return { status: ReservationStatus.COMMITTED };
    },
  });
}
