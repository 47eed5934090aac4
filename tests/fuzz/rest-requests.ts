import { oddJson } from './json.ts';
import { oddText } from './odd-values.ts';
import type { Random } from './random.ts';

const paths = [
  '/v1/orders',
  '/v1/products',
  '/v1/products:search',
  '/v1/orders/0192f0c1-5e8b-7c3a-9d21-4b6f0a7e1c55',
  '/shop.orders.v1.OrderService/PlaceOrder',
  '/grpc.health.v1.Health/Check',
];
const types = [
  'application/json',
  'application/json; charset=utf-8',
  'text/plain',
  'application/grpc',
  'application/grpc-web+json',
  'application/proto',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
];

/** The bytes of one HTTP/1.1 request, more or less. It asks the server to close the connection. */
export function oddRequest(random: Random, host: string): Buffer {
  const verb = random.chance(0.9)
    ? random.pick(['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD', 'TRACE', 'CONNECT'])
    : token(random);
  const body = Buffer.from(random.chance(0.7) ? oddJson(random) : '');
  const headers = [`host: ${host}`, 'connection: close'];
  if (random.chance(0.8)) headers.push(`content-type: ${random.pick(types)}`);
  let sent: Buffer = body;
  switch (random.int(0, 6)) {
    case 0:
      headers.push('transfer-encoding: chunked');
      sent = chunked(random, body);
      break;
    case 1:
      headers.push(`content-length: ${random.pick([0, body.length + 10, -1, '1e9', '99999999999999999999'])}`);
      break;
    case 2:
      headers.push(`content-length: ${body.length}`, 'transfer-encoding: chunked');
      break;
    default:
      headers.push(`content-length: ${body.length}`);
  }
  for (let extra = random.int(0, 4); extra > 0; extra--) {
    const name = random.pick([
      'grpc-timeout',
      'connect-timeout-ms',
      'content-encoding',
      'x-weft-outcome',
      'x-forwarded-for',
      'te',
      'expect',
      'upgrade',
      'cookie',
      token(random),
    ]);
    const value = random.pick(['1H', '99999999H', 'gzip', 'trailers', '100-continue', 'h2c', line(random)]);
    for (let times = random.pick([1, 1, 1, 200]); times > 0; times--) headers.push(`${name}: ${value}`);
  }
  const head = `${verb} ${path(random)} ${random.pick(['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/3.0', ''])}`;
  const bytes = Buffer.concat([Buffer.from(`${head}\r\n${headers.join('\r\n')}\r\n\r\n`, 'latin1'), sent]);
  return random.chance(0.1) ? random.mutate(bytes) : bytes;
}

function path(random: Random): string {
  const base = random.chance(0.9) ? random.pick(paths) : `/${line(random)}`;
  const segment = random.chance(0.3) ? `/${encodeURIComponentOf(random)}` : '';
  const query = random.chance(0.5)
    ? `?${encodeURIComponentOf(random)}=${encodeURIComponentOf(random)}&pageSize=${random.pick(['1', '-1', 'x', '99999999999'])}`
    : '';
  return `${base}${segment}${query}`.slice(0, random.pick([100, 10_000, 80_000]));
}

/** Some of it is encoded, some is left as it came. */
function encodeURIComponentOf(random: Random): string {
  const text = line(random);
  return random.chance(0.6)
    ? [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
    : text;
}

function line(random: Random): string {
  return oddText(random)
    .replace(/\s/g, '_')
    .replace(/[^ -\u00ff]/g, '?');
}

function token(random: Random): string {
  return (
    line(random)
      .replace(/[^A-Za-z0-9-]/g, '')
      .slice(0, 500) || 'X'
  );
}

function chunked(random: Random, body: Buffer): Buffer {
  const size = random.pick([
    body.length.toString(16),
    'zz',
    'ffffffffffffffff',
    '-1',
    `${body.length.toString(16)};x=y`,
  ]);
  return Buffer.concat([
    Buffer.from(`${size}\r\n`),
    body,
    Buffer.from(random.pick(['\r\n0\r\n\r\n', '\r\n', '0\r\n\r\n'])),
  ]);
}
