import { connect } from 'node:http2';
import { reasonOf } from '../command-error.ts';

/** How a gRPC call ended. */
export interface ProbeAnswer {
  /** The gRPC status code; 14 (UNAVAILABLE) if there was no answer. */
  readonly code: number;
  readonly message: string;
}

/** Field 0 with wire type 7. No decoder accepts it, so the call reaches the method but cannot have an effect. */
const undecodable = Buffer.from([0, 0, 0, 0, 1, 0x07]);

const timeoutMs = 3_000;

/** Calls a unary method with a message that cannot be decoded, using gRPC over plain HTTP/2. Never rejects. */
export function probeCall(port: number, authority: string, path: string): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const session = connect(`http://127.0.0.1:${port}`);
    let answer: ProbeAnswer = { code: 14, message: 'no answer' };
    const finish = (): void => {
      clearTimeout(timer);
      session.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => {
      answer = { code: 14, message: `no answer within ${timeoutMs} ms` };
      finish();
    }, timeoutMs);
    session.once('error', (error) => {
      answer = { code: 14, message: reasonOf(error) };
      finish();
    });
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      ':authority': authority,
      'content-type': 'application/grpc+proto',
      te: 'trailers',
    });
    const read = (headers: { readonly [name: string]: unknown }): void => {
      const status = headers['grpc-status'];
      const message = headers['grpc-message'];
      if (typeof status === 'string') {
        answer = { code: Number(status), message: typeof message === 'string' ? decodeURIComponent(message) : '' };
      }
    };
    stream.on('response', read);
    stream.on('trailers', read);
    stream.on('error', () => {});
    stream.on('close', finish);
    stream.resume();
    stream.end(undecodable);
  });
}

/** UNAVAILABLE. */
const unavailable = 14;

/** PERMISSION_DENIED and UNIMPLEMENTED come from the application or from the mesh, whose messages start with its name. */
const refusals = new Set([7, 12]);

/** Whether the application itself answered, even if only that it does not implement the method. */
export function reached({ code, message }: ProbeAnswer): boolean {
  if (code === unavailable) return false;
  return !refusals.has(code) || (message !== '' && !message.startsWith('weft: '));
}
