/** Which streams are told of a change, and when. */
export interface PushScheduler<Id> {
  /** Pushes to each, ahead of all that only `soon` was told; to the first of them before it returns, if no push is under way. */
  now(ids: Iterable<Id>): void;
  /**
   * Pushes to each, some at a time. A stream that is still waiting for its turn when the next change comes gets one push for both.
   */
  soon(ids: Iterable<Id>): void;
  /** Takes a stream off the queue. */
  forget(id: Id): void;
  /** Streams that wait for their turn. */
  readonly waiting: number;
}

/** How to push. */
export interface PushSchedulerOptions<Id> {
  /** Tells one stream of all that it is owed. Must not throw. */
  readonly push: (id: Id) => void;
  /** Streams a turn. Default: 25. */
  readonly batch?: number;
  /** Ends a turn: calls back once the event loop has served others. Default: setImmediate. */
  readonly yieldTurn?: (resume: () => void) => void;
}

/**
 * A scheduler that holds no timer: the first change after a quiet time starts its push at once. What a turn has pushed leaves the
 * process before the next one begins, so that the first streams have a change while it is made ready for the last.
 */
export function createPushScheduler<Id>(options: PushSchedulerOptions<Id>): PushScheduler<Id> {
  const { push, batch = 25, yieldTurn = (resume) => void setImmediate(resume) } = options;
  const urgent = new Set<Id>();
  const queue = new Set<Id>();
  let underWay = false;

  function turn(): void {
    underWay = true;
    for (let left = batch; left > 0; left--) {
      const [id] = urgent.size > 0 ? urgent : queue;
      if (id === undefined) break;
      // One push is for all that the stream was waiting for.
      forget(id);
      push(id);
    }
    underWay = urgent.size + queue.size > 0;
    if (underWay) yieldTurn(turn);
  }

  function add(ids: Iterable<Id>, to: Set<Id>): void {
    for (const id of ids) to.add(id);
    if (!underWay) turn();
  }

  function forget(id: Id): void {
    urgent.delete(id);
    queue.delete(id);
  }

  return {
    now: (ids) => add(ids, urgent),
    soon: (ids) => add(ids, queue),
    forget,
    get waiting() {
      return new Set([...urgent, ...queue]).size;
    },
  };
}
