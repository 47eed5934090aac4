import { connect } from 'node:net';
import { flag, frame, frameType, headerBlock, type Load, maxWindow } from './h2-load.ts';

/** Calls at a fixed rate, whether earlier ones are answered or not. */
export interface OpenLoad extends Omit<Load, 'connections' | 'streams'> {
  /** Calls a second. */
  readonly rate: number;
}

/** How late a call may be answered before it counts as never answered, in milliseconds. */
const longestMs = 5000;

/**
 * Makes calls at a fixed rate on one connection, and returns how long each took in milliseconds, from the moment for which it was
 * planned: a caller that is held up by one slow answer does not leave out the calls that it would have made meanwhile. A call without an
 * answer counts as `longestMs`. Calls are planned each millisecond, so the timer's lateness is part of every figure, on every side.
 */
export async function openLoop({ rate, seconds, ...options }: OpenLoad): Promise<readonly number[]> {
  const socket = connect({ host: options.host, port: options.port, noDelay: true });
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  const window = Buffer.alloc(4);
  window.writeUInt32BE(maxWindow - 65_535);
  socket.write(Buffer.concat([frame(frameType.settings, 0, 0), frame(frameType.windowUpdate, 0, 0, window)]));
  const call = Buffer.concat([
    frame(frameType.headers, flag.endHeaders, 0, headerBlock(options)),
    frame(frameType.data, flag.endStream, 0, options.body),
  ]);
  const dataAt = call.length - options.body.length - 9;
  const total = Math.floor(rate * seconds);
  const took = new Array<number>(total).fill(longestMs);
  const begin = performance.now() + 50;
  /** By its number, in the millisecond to which it belongs. */
  const plannedMs = (index: number) => begin + Math.floor((index * 1000) / rate);
  let sent = 0;
  let answered = 0;
  const done = new Promise<void>((resolve, reject) => {
    socket.on('error', reject).on('close', resolve);
    let rest = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      const nowMs = performance.now();
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let at = 0;
      while (bytes.length - at >= 9) {
        const length = bytes.readUIntBE(at, 3);
        if (bytes.length - at < 9 + length) break;
        const [type, flags = 0] = [bytes[at + 3], bytes[at + 4]];
        if (type === frameType.settings && !(flags & flag.ack)) socket.write(frame(frameType.settings, flag.ack, 0));
        else if (type === frameType.ping && !(flags & flag.ack))
          socket.write(frame(frameType.ping, flag.ack, 0, bytes.subarray(at + 9, at + 17)));
        else if (type === frameType.reset || type === frameType.goaway)
          reject(new Error(`open loop: frame of type ${type}`));
        else if ((type === frameType.data || type === frameType.headers) && flags & flag.endStream) {
          const index = (bytes.readUInt32BE(at + 5) - 1) / 2;
          took[index] = nowMs - plannedMs(index);
          answered++;
          if (answered === total) resolve();
        }
        at += 9 + length;
      }
      rest = Buffer.from(bytes.subarray(at));
    });
  });
  const timer = setInterval(() => {
    const due = Math.min(total, Math.floor(((performance.now() - begin) * rate) / 1000) + 1);
    if (due <= sent) return;
    const batch = Buffer.allocUnsafe(call.length * (due - sent));
    for (let at = 0; sent < due; sent++, at += call.length) {
      call.copy(batch, at);
      batch.writeUInt32BE(2 * sent + 1, at + 5);
      batch.writeUInt32BE(2 * sent + 1, at + dataAt + 5);
    }
    socket.write(batch);
  }, 1);
  const late = setTimeout(() => socket.destroy(), seconds * 1000 + longestMs);
  try {
    await done;
    return took;
  } finally {
    clearInterval(timer);
    clearTimeout(late);
    socket.destroy();
  }
}
