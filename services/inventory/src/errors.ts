import { Code } from '@connectrpc/connect';
import { ErrorInfoSchema, PreconditionFailureSchema } from '@weft/policy/google/rpc/error_details';
import { ServiceError } from '@weft/service-kit';

const domain = 'shop.inventory';

/** A product of which more was asked for than there is. */
export interface Shortage {
  readonly sku: string;
  readonly asked: number;
  readonly available: number;
}

/** Every error that the inventory answers with, beyond those of validation and of the database. */
export const errors = {
  /** NOT_FOUND. */
  unknownSku: (sku: string) => new ServiceError(Code.NotFound, `inventory: no stock is kept of ${sku}`),
  /**
   * FAILED_PRECONDITION. ErrorInfo OUT_OF_STOCK carries "asked/available" by SKU, PreconditionFailure one violation a SKU.
   */
  shortage: (shortages: readonly Shortage[]) =>
    new ServiceError(
      Code.FailedPrecondition,
      `inventory: ${shortages.map((s) => `${s.sku} asked ${s.asked}, available ${s.available}`).join('; ')}`,
      {
        details: [
          {
            desc: ErrorInfoSchema,
            value: {
              reason: 'OUT_OF_STOCK',
              domain,
              metadata: Object.fromEntries(shortages.map((s) => [s.sku, `${s.asked}/${s.available}`])),
            },
          },
          {
            desc: PreconditionFailureSchema,
            value: {
              violations: shortages.map((s) => ({
                type: 'STOCK',
                subject: s.sku,
                description: `asked ${s.asked}, available ${s.available}`,
              })),
            },
          },
        ],
      },
    ),
  /** FAILED_PRECONDITION: it was given back, or never came to be and never will. */
  released: (orderId: string) =>
    refusal('RESERVATION_RELEASED', `inventory: the reservation of order ${orderId} was released and stays so`),
  /** FAILED_PRECONDITION: the items have left the stock. */
  committed: (orderId: string) =>
    refusal('RESERVATION_COMMITTED', `inventory: the reservation of order ${orderId} was committed and stays so`),
  /** FAILED_PRECONDITION. */
  neverReserved: (orderId: string) =>
    refusal('NEVER_RESERVED', `inventory: order ${orderId} has no reservation to commit`),
  /** ALREADY_EXISTS. */
  otherItems: (orderId: string) =>
    new ServiceError(Code.AlreadyExists, `inventory: order ${orderId} already holds other items`),
};

function refusal(reason: string, message: string): ServiceError {
  return new ServiceError(Code.FailedPrecondition, message, {
    details: [{ desc: ErrorInfoSchema, value: { reason, domain, metadata: {} } }],
  });
}
