import test from 'ava';
import { parse } from 'yaml';
import { parseServiceManifest, type ServiceManifest } from '../service-manifest.ts';
import { chartValues } from './chart-values.ts';

function service(text: string): ServiceManifest {
  const defaults = { root: '/p', namespace: 'bakery', contractOf: () => undefined };
  const read = parseServiceManifest(text, '/p/services/cart', defaults);
  if ('message' in read) throw new Error(read.message);
  return read;
}

const image = { registry: 'docker.io/bakery', name: 'cart', tag: '0.1.0-0123456789ab' };
const values = (text: string, descriptorSet?: Uint8Array) =>
  parse(chartValues(service(text), { image, database: 'bakery', ...(descriptorSet ? { descriptorSet } : {}) }));

test('a service of the kit with a contract and a schema', (t) => {
  const text = 'contract: bakery.cart\nschema: cart\nreplicas: 3\nenv: { OVENS: 2, EMPTY: "" }\n';
  t.deepEqual(values(text, Buffer.from('contract')), {
    name: 'cart',
    image,
    mesh: { kit: true },
    replicas: 3,
    probes: { type: 'grpc' },
    env: { OVENS: '2', EMPTY: '' },
    database: { schema: 'cart', name: 'bakery' },
    contract: { name: 'bakery.cart', descriptor: 'Y29udHJhY3Q=' },
  });
});

const healths: readonly [health: string, probes: object, appProtocol: string][] = [
  ['grpc', { type: 'grpc' }, 'grpc'],
  ['http', { type: 'http', path: '/healthz' }, 'http'],
  ['{ http: { path: /up } }', { type: 'http', path: '/up' }, 'http'],
  ['tcp', { type: 'tcp' }, 'tcp'],
  ['none', { type: 'none' }, 'tcp'],
];
for (const [health, probes, appProtocol] of healths) {
  test(`a command without a contract, health ${health}`, (t) => {
    t.like(values(`command: ./cart\nhealth: ${health}\n`), {
      logicalName: 'bakery.cart',
      mesh: { kit: false },
      probes,
      service: { appProtocol },
    });
  });
}
