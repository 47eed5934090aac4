/** A client process of sidecar.ts: does what each message asks, one after the other, and answers with what it measured. */
import { load } from './h2-load.ts';
import { openLoop } from './open-loop.ts';
import { holdUnread, readStream, type StreamReading } from './stream-reader.ts';

/** What a client is asked. The answer is a list of numbers, or with `error` why there is none. */
export type LoadRequest =
  | { readonly closed: Omit<Parameters<typeof load>[0], 'body'>; readonly body: string }
  | { readonly open: Omit<Parameters<typeof openLoop>[0], 'body'>; readonly body: string }
  | { readonly read: StreamReading }
  | { readonly hold: StreamReading };

process.on('message', (request: LoadRequest) => {
  measured(request).then(
    (numbers) => process.send?.({ numbers }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));

async function measured(request: LoadRequest): Promise<readonly number[]> {
  if ('read' in request) return [await readStream(request.read)];
  if ('hold' in request) return [await holdUnread(request.hold)];
  const body = Buffer.from(request.body, 'base64');
  if ('closed' in request) return [await load({ ...request.closed, body })];
  return openLoop({ ...request.open, body });
}
