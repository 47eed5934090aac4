import type { RawAnswer } from './raw-call.ts';

/** Calls without a pause. */
export interface Load {
  /** How many calls have ended. */
  readonly calls: number;
  /** What failed, in order. */
  readonly failures: readonly string[];
  stop(): Promise<void>;
}

/** Starts `at once` loops of a call; what is not gRPC's OK, or 200 with `plain`, has failed. */
export function startLoad(call: () => Promise<RawAnswer>, atOnce = 4, plain = false): Load {
  let running = true;
  let calls = 0;
  const failures: string[] = [];
  const loop = async () => {
    while (running) {
      const answer = await call();
      calls++;
      if (plain ? answer.status === 200 : answer.grpcStatus === '0') continue;
      failures.push(`${answer.status} ${answer.grpcStatus ?? ''} ${answer.grpcMessage ?? answer.body.toString()}`);
    }
  };
  const loops = Array.from({ length: atOnce }, loop);
  return {
    get calls() {
      return calls;
    },
    failures,
    async stop() {
      running = false;
      await Promise.all(loops);
    },
  };
}
