import type { Http2Session } from 'node:http2';

/** Asks a connection each `intervalMs` whether it lives, by an HTTP/2 PING, and destroys it when the answer takes as long. */
export function keepAlive(session: Http2Session, intervalMs: number): void {
  let answered = true;
  const timer = setInterval(() => {
    if (!answered) {
      session.destroy();
      return;
    }
    answered = false;
    const sent = session.ping((error) => {
      if (error === null) answered = true;
    });
    // Another ping is still on its way: its answer counts.
    if (!sent) answered = true;
  }, intervalMs).unref();
  session.on('close', () => clearInterval(timer));
}
