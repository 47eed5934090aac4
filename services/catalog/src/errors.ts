import { Code } from '@connectrpc/connect';
import { ErrorInfoSchema } from '@weft/policy/google/rpc/error_details';
import { ServiceError } from '@weft/service-kit';

const domain = 'shop.catalog';

/** Every error that the catalog answers with, beyond those of validation and of the database. */
export const errors = {
  /** NOT_FOUND. ErrorInfo PRODUCT_NOT_FOUND carries the SKUs, separated by commas, under "skus". */
  productNotFound: (skus: readonly string[]) =>
    new ServiceError(Code.NotFound, `catalog: no product ${skus.join(', ')}`, {
      details: [
        { desc: ErrorInfoSchema, value: { reason: 'PRODUCT_NOT_FOUND', domain, metadata: { skus: skus.join(',') } } },
      ],
    }),
  /** INVALID_ARGUMENT. */
  category: (category: string) =>
    new ServiceError(
      Code.InvalidArgument,
      `catalog: category "${shortened(category)}" must be 2 to 40 lower-case letters and hyphens, or empty for all`,
    ),
  /** INVALID_ARGUMENT. */
  noWord: (query: string) =>
    new ServiceError(Code.InvalidArgument, `catalog: query "${shortened(query)}" must have at least one word`),
  /** INVALID_ARGUMENT. */
  price: (sku: string, price: string) =>
    new ServiceError(Code.InvalidArgument, `catalog: price ${price} of ${sku} must be more than nothing`),
  /** INVALID_ARGUMENT. */
  text: (sku: string, field: string) =>
    new ServiceError(Code.InvalidArgument, `catalog: ${field} of ${sku} must not have the character U+0000`),
  /** INVALID_ARGUMENT. */
  importedTwice: (sku: string) =>
    new ServiceError(Code.InvalidArgument, `catalog: ${sku} must come at most once in an import`),
  /** RESOURCE_EXHAUSTED. */
  importTooLong: (maxProducts: number) =>
    new ServiceError(Code.ResourceExhausted, `catalog: an import must have at most ${maxProducts} products`),
  /** ABORTED: trying again later may work. */
  importUnderWay: () =>
    new ServiceError(Code.Aborted, 'catalog: another import is under way; try again when it has ended'),
  /** ABORTED: trying again may work. */
  importInterrupted: () =>
    new ServiceError(
      Code.Aborted,
      'catalog: the database interrupted the import and nothing of it was kept; send it again',
    ),
};

function shortened(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 60)}...`;
}
