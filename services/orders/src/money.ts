import { create } from '@bufbuild/protobuf';
import { type Money, MoneySchema } from '@shop/money-contract/v1';

const nanosInUnit = 1_000_000_000n;

/** The most that the contract allows of an amount, in units. */
export const maxUnits = 9_000_000_000_000n;

/** The whole amount in billionths of a unit: exact, and of any size. */
export function nanosOf(money: Money): bigint {
  return money.units * nanosInUnit + BigInt(money.nanos);
}

/** An amount of so many billionths of a unit; undefined beyond what the contract allows. */
export function moneyOf(currencyCode: string, nanos: bigint): Money | undefined {
  // BigInt division rounds towards zero, so units and nanos have the same sign, as the contract wants.
  const units = nanos / nanosInUnit;
  if (nanos > maxUnits * nanosInUnit || nanos < -maxUnits * nanosInUnit) return undefined;
  return create(MoneySchema, { currencyCode, units, nanos: Number(nanos % nanosInUnit) });
}

/** The price of `quantity` pieces, in billionths of a unit. */
export function priceOf(money: Money, quantity: number): bigint {
  return nanosOf(money) * BigInt(quantity);
}
