import { Code } from '@connectrpc/connect';
import { ServiceError } from '@weft/service-kit';

/** Every error that orders answers with, beyond those of validation and of the database. */
export const errors = {
  /** NOT_FOUND. */
  orderNotFound: (orderId: string) => new ServiceError(Code.NotFound, `orders: no order ${orderId}`),
};
