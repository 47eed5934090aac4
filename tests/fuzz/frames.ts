import type { Random } from './random.ts';

/** https://www.rfc-editor.org/rfc/rfc9113#name-frame-definitions */
const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
};

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** The bytes of one HTTP/2 connection: mostly a preface and frames, some of which are wrong or come in floods. */
export function oddFrames(random: Random, path: string): Buffer {
  const parts: Buffer[] = [random.chance(0.95) ? preface : random.mutate(preface)];
  if (random.chance(0.95)) parts.push(frame(frameTypes.settings, 0, 0, Buffer.alloc(0)));
  let stream = 1;
  for (let count = random.int(1, 30); count > 0; count--) {
    switch (random.int(0, 9)) {
      case 0:
      case 1:
      case 2:
        parts.push(frame(frameTypes.headers, random.pick([0x4, 0x5, 0x4]), stream, requestHeaders(path)));
        if (random.chance(0.7))
          parts.push(
            frame(frameTypes.data, 1, stream, random.chance(0.5) ? Buffer.alloc(5) : random.bytes(random.int(0, 200))),
          );
        if (random.chance(0.4)) parts.push(frame(frameTypes.reset, 0, stream, Buffer.from([0, 0, 0, 8])));
        stream += 2;
        break;
      case 3:
        parts.push(...flood(random, () => frame(frameTypes.ping, 0, 0, random.bytes(8))));
        break;
      case 4:
        parts.push(...flood(random, () => frame(frameTypes.settings, 0, 0, settings(random))));
        break;
      case 5:
        parts.push(
          ...flood(random, () =>
            frame(frameTypes.windowUpdate, 0, random.pick([0, stream, 1]), uint32(random.pick([0, 1, 0x7fff_ffff]))),
          ),
        );
        break;
      case 6:
        // Headers that go on and on.
        parts.push(
          frame(frameTypes.headers, 0, stream, requestHeaders(path)),
          ...flood(random, () =>
            frame(frameTypes.continuation, 0, stream, literal('x-filler', 'y'.repeat(random.int(0, 100)))),
          ),
        );
        stream += 2;
        break;
      case 7:
        parts.push(...flood(random, () => frame(frameTypes.data, 0, random.pick([1, stream]), Buffer.alloc(0))));
        break;
      case 8:
        parts.push(
          random.mutate(
            frame(random.int(0, 12), random.int(0, 255), random.int(0, 9), random.bytes(random.int(0, 60))),
          ),
        );
        break;
      default:
        parts.push(
          frame(
            random.int(0, 255),
            random.int(0, 255),
            random.pick([0, 1, stream, 0x7fff_ffff]),
            random.bytes(random.int(0, 60)),
          ),
        );
    }
  }
  return Buffer.concat(parts);
}

function flood(random: Random, one: () => Buffer): Buffer[] {
  return Array.from({ length: random.pick([1, 3, 2_000]) }, one);
}

/** Without Huffman coding and without the table, so that they need no encoder. */
function requestHeaders(path: string): Buffer {
  return Buffer.concat([
    literal(':method', 'POST'),
    literal(':scheme', 'http'),
    literal(':path', path),
    literal(':authority', 'localhost'),
    literal('content-type', 'application/grpc'),
    literal('te', 'trailers'),
  ]);
}

/** RFC 7541, 6.2.2: a literal header field without indexing. */
function literal(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  if (bytes.length >= 127) throw new RangeError('longer than one byte says');
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

function settings(random: Random): Buffer {
  const id = Buffer.alloc(2);
  id.writeUInt16BE(random.int(0, 9));
  return Buffer.concat([id, uint32(random.pick([0, 1, 100, 16_384, 0x7fff_ffff, 0xffff_ffff]))]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream >>> 0, 5);
  return Buffer.concat([head, payload]);
}
