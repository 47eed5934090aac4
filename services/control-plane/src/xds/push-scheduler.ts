/** Which streams are told of a change, and when. */
export interface PushScheduler<Id> {
  /** Pushes to each at once, before it returns: nobody waits for endpoints. */
  now(ids: Iterable<Id>): void;
  /**
   * Pushes to each, some at a time, so that answers and endpoints pass in between. A stream that is still waiting for its turn
   * when the next change comes gets one push for both.
   */
  soon(ids: Iterable<Id>): void;
  /** Takes a stream off the queue. */
  forget(id: Id): void;
  /** Streams that wait for their turn. */
  readonly waiting: number;
}

/** How to push. */
export interface PushSchedulerOptions<Id> {
  /** Brings one stream up to the newest snapshot. Must not throw. */
  readonly push: (id: Id) => void;
  /** Streams a turn. Default: 50. */
  readonly batch?: number;
  /** Ends a turn: calls back once the event loop has served others. Default: setImmediate. */
  readonly yieldTurn?: (resume: () => void) => void;
}

/** A scheduler that holds no timer: the first change after a quiet time starts its push at once. */
export function createPushScheduler<Id>(options: PushSchedulerOptions<Id>): PushScheduler<Id> {
  const { push, batch = 50, yieldTurn = (resume) => void setImmediate(resume) } = options;
  const queue = new Set<Id>();
  let underWay = false;

  function turn(): void {
    let left = batch;
    for (const id of queue) {
      if (left-- === 0) break;
      queue.delete(id);
      push(id);
    }
    underWay = queue.size > 0;
    if (underWay) yieldTurn(turn);
  }

  return {
    now(ids) {
      for (const id of ids) {
        // The newest snapshot holds whatever the stream was waiting for.
        queue.delete(id);
        push(id);
      }
    },
    soon(ids) {
      for (const id of ids) queue.add(id);
      if (!underWay && queue.size > 0) turn();
    },
    forget(id) {
      queue.delete(id);
    },
    get waiting() {
      return queue.size;
    },
  };
}
