import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';

/** The messages that connectconformance writes to stdin: each after four bytes of its length. */
export async function* requestsOf<Desc extends DescMessage>(schema: Desc): AsyncIterable<MessageShape<Desc>> {
  let seen = Buffer.alloc(0);
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    seen = Buffer.concat([seen, chunk]);
    for (;;) {
      const length = seen.length < 4 ? Number.POSITIVE_INFINITY : seen.readUInt32BE(0);
      if (seen.length < 4 + length) break;
      yield fromBinary(schema, seen.subarray(4, 4 + length));
      seen = seen.subarray(4 + length);
    }
  }
}

/** Writes a message to stdout in the same form. */
export function respond<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): void {
  const bytes = toBinary(schema, message);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  process.stdout.write(Buffer.concat([length, bytes]));
}
