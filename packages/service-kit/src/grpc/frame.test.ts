import { fc, testProp } from '@fast-check/ava';
import { FrameReader, frameMessage } from './frame.ts';

const messages = fc.array(fc.record({ body: fc.uint8Array({ maxLength: 300 }), flags: fc.constantFrom(0, 1) }));

testProp(
  'messages are the same however their bytes are cut',
  [messages, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 })],
  (t, sent, cuts) => {
    const bytes = Buffer.concat(sent.map(({ body, flags }) => frameMessage(body, flags)));
    const received: { body: Uint8Array; flags: number }[] = [];
    const reader = new FrameReader(300, (body, flags) => received.push({ body: Uint8Array.from(body), flags }));
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const length = cuts[i % cuts.length] ?? 1;
      reader.push(bytes.subarray(at, at + length));
      at += length;
    }
    reader.end();
    t.deepEqual(
      received,
      sent.map(({ body, flags }) => ({ body: Uint8Array.from(body), flags })),
    );
  },
);
