import { create } from '@bufbuild/protobuf';
import { MoneySchema } from '@shop/money-contract/v1';
import test from 'ava';
import { maxUnits, moneyOf, nanosOf, priceOf } from './money.ts';

const money = (units: bigint, nanos: number) => create(MoneySchema, { currencyCode: 'EUR', units, nanos });

test('thirds and tenths add up exactly', (t) => {
  const total = priceOf(money(0n, 100_000_000), 3) + priceOf(money(0n, 333_333_333), 3);
  t.like(moneyOf('EUR', total), { currencyCode: 'EUR', units: 1n, nanos: 299_999_999 });
});

test('nanos carry into units', (t) => {
  t.like(moneyOf('EUR', priceOf(money(19n, 990_000_000), 99)), { units: 1_979n, nanos: 10_000_000 });
});

test('beyond 2^53 no cent is lost', (t) => {
  const large = money(8_999_999_999_999n, 999_999_999);
  t.is(nanosOf(large), 8_999_999_999_999_999_999_999n);
  t.like(moneyOf('EUR', nanosOf(large)), { units: 8_999_999_999_999n, nanos: 999_999_999 });
});

test('units and nanos have the same sign', (t) => {
  t.like(moneyOf('EUR', -1_500_000_000n), { units: -1n, nanos: -500_000_000 });
});

test('an amount beyond the bound of the contract is none', (t) => {
  t.like(moneyOf('EUR', maxUnits * 1_000_000_000n), { units: maxUnits, nanos: 0 });
  t.is(moneyOf('EUR', (maxUnits + 1n) * 1_000_000_000n), undefined);
  t.is(moneyOf('EUR', priceOf(money(maxUnits, 0), 99)), undefined);
  t.is(moneyOf('EUR', -(maxUnits + 1n) * 1_000_000_000n), undefined);
});
