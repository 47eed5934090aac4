import type { Mesh } from '@weft/compiler/model/mesh';
import test from 'ava';
import { plainTextRefusal } from '../refusals/plain-text-refusal.ts';
import { refusalOf } from '../refusals/refusal.ts';
import { refusedConnection } from '../refusals/refused-connections.ts';
import { nackSource } from '../status/nack-source.ts';
import { bakeryMesh } from './bakery-mesh.fixture.ts';

/** A map that can be asked for a key and for nothing else. */
class KeyedMap<K, V> extends Map<K, V> {
  override [Symbol.iterator](): never {
    throw new Error('somebody walks all of the mesh');
  }
  override entries(): never {
    return this[Symbol.iterator]();
  }
  override values(): never {
    return this[Symbol.iterator]();
  }
  override keys(): never {
    return this[Symbol.iterator]();
  }
  override forEach(): never {
    return this[Symbol.iterator]();
  }
}

const whole = bakeryMesh();
const mesh: Mesh = {
  ...whole,
  services: new KeyedMap(whole.services),
  workloads: new KeyedMap(whole.workloads),
  identities: new KeyedMap(whole.identities),
  lookups: whole.lookups,
};
const authorize = '/bakery.payments.v1.PaymentService/Authorize';

test('what proxies ask and tell is answered without a walk over the mesh', (t) => {
  const ask = (of: Mesh) => [
    refusalOf(of, 'bakery/catalog-0', authorize, 'payments'),
    refusalOf(of, 'bakery/catalog-0', authorize, 'bakery.payments:80'),
    refusalOf(of, 'bakery/catalog-0', authorize, 'elsewhere'),
    refusalOf(of, 'bakery/orders-0', `${authorize}?a`, 'payments'),
    refusalOf(of, 'bakery/catalog-0', '/none', 'payments'),
    plainTextRefusal(of, 'bakery/payments-0', 20_002, authorize, '192.0.2.1'),
    refusedConnection(of, 'bakery/payments-0', '192.0.2.1', 20_002),
    nackSource(of, ['outbound|bakery/orders', 'gateway|edge', 'inbound|20000']),
  ];
  t.deepEqual(ask(mesh), ask(whole));
  t.is(refusalOf(mesh, 'bakery/catalog-0', authorize, 'payments').httpStatus, 403);
  t.is(refusalOf(mesh, 'bakery/orders-0', authorize, 'payments').httpStatus, 503);
});
