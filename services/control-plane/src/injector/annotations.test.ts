import { marks } from '@weft/compiler/pod/marks';
import test from 'ava';
import { AnnotationError, readChoices } from './annotations.ts';

function choices(annotations: Record<string, string>) {
  return readChoices({ metadata: { annotations }, spec: { containers: [{ name: 'web' }] } });
}

test('without annotations everything is redirected', (t) => {
  const { inboundPorts, excludeOutboundAddresses, concurrency } = choices({});
  t.deepEqual([inboundPorts, excludeOutboundAddresses, concurrency], ['all', [], 1]);
});

test('lists may have spaces and empty places', (t) => {
  t.deepEqual(choices({ [marks.excludeOutboundPorts]: ' 25, ,5432,' }).excludeOutboundPorts, [25, 5432]);
});

for (const address of ['10.0.0.0/8', '192.0.2.7', 'fd00::/8', '2001:db8::1', '::1/128']) {
  test(`${address} can be excluded`, (t) => {
    t.deepEqual(choices({ [marks.excludeOutboundAddresses]: address }).excludeOutboundAddresses, [address]);
  });
}

const wrong = [
  [marks.excludeInboundPorts, '0'],
  [marks.excludeInboundPorts, '65536'],
  [marks.inboundPorts, 'http'],
  [marks.excludeOutboundAddresses, '10.0.0.256'],
  [marks.excludeOutboundAddresses, '10.0.0.0/33'],
  [marks.excludeOutboundAddresses, 'fd00::/129'],
  [marks.excludeOutboundAddresses, 'example.com'],
  [marks.excludeOutboundAddresses, '10.0.0.1 -j ACCEPT'],
  [marks.cpuRequest, 'much'],
  [marks.memoryLimit, '-1Gi'],
  [marks.concurrency, '0'],
  [marks.logLevel, 'loud'],
] as const;

for (const [name, value] of wrong) {
  test(`${name}: ${value} is refused with its name and value`, (t) => {
    const error = t.throws(() => choices({ [name]: value }), { instanceOf: AnnotationError });
    t.true(error.message.startsWith(`${name}: ${JSON.stringify(value)}`), error.message);
  });
}
