import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { LocalRateLimitSchema } from '@weft/envoy-api/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit';
import test from 'ava';
import { readContract } from '../contracts/read-contract.ts';
import { withPolicy } from '../testing/edit-contract.ts';
import { descriptorSet } from '../testing/mesh-directory.ts';
import { rateLimits } from './rate-limit.ts';

test('accounts that the same names share have one bucket, since Envoy refuses two of one name', (t) => {
  const set = withPolicy(descriptorSet('bakery.catalog'), 'GetProduct', {
    callers: { names: ['bakery.a', 'bakery.b'] },
    rateLimits: [{ caller: '*', requests: 10 }],
  });
  const { version } = readContract({ namespace: 'bakery', hash: '', descriptorSet: set, origin: '' });
  const method = version?.methods.get('/bakery.catalog.v1.CatalogService/GetProduct');
  if (method === undefined) return t.fail();
  const names = ['bakery.a', 'bakery.b'];
  const limits = rateLimits(method, {
    identities: new Map(),
    sharedIdentities: new Map([
      ['spiffe://weft.local/ns/bakery/sa/one', names],
      ['spiffe://weft.local/ns/bakery/sa/two', names],
    ]),
  });
  const { descriptors = [] } = (limits && anyUnpack(limits.filter, LocalRateLimitSchema)) ?? {};
  t.deepEqual(
    descriptors.map(({ entries }) => entries[0]?.value),
    ['bakery.a and bakery.b'],
  );
  t.is(limits?.actions.length, 1);
});
