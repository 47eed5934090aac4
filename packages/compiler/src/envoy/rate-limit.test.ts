import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { LocalRateLimitSchema } from '@weft/envoy-api/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit';
import test from 'ava';
import { readContract } from '../contracts/read-contract.ts';
import { withPolicy } from '../testing/edit-contract.ts';
import { descriptorSet } from '../testing/mesh-directory.ts';
import { rateLimits } from './rate-limit.ts';

test('accounts that the same names share have one bucket, since Envoy refuses two of one name', (t) => {
  const set = withPolicy(descriptorSet('shop.catalog'), 'GetProduct', {
    callers: { names: ['shop.a', 'shop.b'] },
    rateLimits: [{ caller: '*', requests: 10 }],
  });
  const { version } = readContract({ namespace: 'shop', hash: '', descriptorSet: set, origin: '' });
  const method = version?.methods.get('/shop.catalog.v1.CatalogService/GetProduct');
  if (method === undefined) return t.fail();
  const names = ['shop.a', 'shop.b'];
  const limits = rateLimits(method, {
    identities: new Map(),
    sharedIdentities: new Map([
      ['spiffe://weft.local/ns/shop/sa/one', names],
      ['spiffe://weft.local/ns/shop/sa/two', names],
    ]),
  });
  const { descriptors = [] } = (limits && anyUnpack(limits.filter, LocalRateLimitSchema)) ?? {};
  t.deepEqual(
    descriptors.map(({ entries }) => entries[0]?.value),
    ['shop.a and shop.b'],
  );
  t.is(limits?.actions.length, 1);
});
