/**
 * Makes the same unary call to several places in turn, one at a time, and reports how long each took. A process of its own, so
 * that nothing else of a benchmark runs in between. Its argument is a LatencyPlan as JSON; it sends back a LatencyReport.
 */
import { type ClientHttp2Session, connect } from 'node:http2';
import { connect as connectSocket } from 'node:net';

/** What to call. */
export interface LatencyPlan {
  readonly path: string;
  readonly authority: string;
  /** The framed request, base64. */
  readonly body: string;
  /** "127.0.0.1:20002" or "unix:/path", by name. */
  readonly places: Readonly<Record<string, string>>;
  /** Calls of each place, after a warm-up that does not count. */
  readonly calls: number;
  /** Calls of a place in a row, before the next has its turn: short, so that a slow second of the machine hits all alike. */
  readonly block: number;
}

/** Milliseconds of every call, by place, in the order in which they were made. */
export type LatencyReport = Readonly<Record<string, readonly number[]>>;

const plan: LatencyPlan = JSON.parse(process.argv[2] ?? '{}');
const body = Buffer.from(plan.body, 'base64');
const sides = Object.entries(plan.places).map(([name, address]) => {
  const session = open(address);
  const samples: number[] = [];
  return { name, session, samples };
});
for (let done = -plan.calls / 5; done < plan.calls; done += plan.block) {
  for (const { name, session, samples } of sides) {
    for (let i = 0; i < plan.block; i++) {
      const ms = await call(session, name);
      if (done >= 0) samples.push(ms);
    }
  }
  // Whoever was first is last the next time.
  const first = sides.shift();
  if (first) sides.push(first);
}
const report: LatencyReport = Object.fromEntries(sides.map(({ name, samples }) => [name, samples]));
process.send?.(report, () => process.exit(0));

function open(address: string): ClientHttp2Session {
  if (!address.startsWith('unix:')) return connect(`http://${address}`);
  return connect('http://localhost', { createConnection: () => connectSocket(address.slice('unix:'.length)) });
}

function call(session: ClientHttp2Session, name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    const stream = session.request({
      ':method': 'POST',
      ':path': plan.path,
      ':authority': plan.authority,
      'content-type': 'application/grpc+proto',
      te: 'trailers',
      'grpc-timeout': '5S',
    });
    let status: string | undefined;
    stream.on('response', (headers) => {
      status = headers['grpc-status']?.toString();
    });
    stream.on('trailers', (trailers) => {
      status = trailers['grpc-status']?.toString();
    });
    stream.on('end', () => {
      if (status === '0') resolve(performance.now() - begin);
      else reject(new Error(`${name} answers with gRPC status ${status}`));
    });
    stream.on('error', reject);
    stream.resume();
    stream.end(body);
  });
}
