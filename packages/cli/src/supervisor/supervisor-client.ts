import { request } from 'node:http';
import { z } from 'zod';
import { CommandError } from '../command-error.ts';
import { isNobodyListening } from '../system-error.ts';

const processSchema = z.object({
  name: z.string(),
  pid: z.int().optional(),
  /** Why it does not run; empty while it does. */
  reason: z.string(),
  restarts: z.int(),
  listen: z.string(),
  log: z.string(),
});

const replicaSchema = z.object({
  namespace: z.string(),
  name: z.string(),
  service: z.string(),
  ready: z.boolean(),
  reason: z.string(),
  since: z.string().optional(),
  /** Of the application; the edge has none. */
  pid: z.int().optional(),
  envoyPid: z.int().optional(),
  restarts: z.int(),
  envoyRestarts: z.int(),
  /** Where the application listens: "unix:/path" or "127.0.0.1:3000". */
  application: z.string().optional(),
  /** Where the Envoy takes calls: from the mesh, from the application, from outside. */
  inbound: z.string().optional(),
  outbound: z.string().optional(),
  listen: z.string().optional(),
  adminSocket: z.string(),
  log: z.string().optional(),
  envoyLog: z.string(),
});

const stepSchema = z.object({
  name: z.string(),
  detail: z.string().optional(),
  startedAt: z.number(),
  over: z.boolean().optional(),
  done: z.object({ ms: z.number(), result: z.string() }).optional(),
  failed: z.string().optional(),
});

const loanSchema = z.object({
  replica: z.string(),
  command: z.array(z.string()),
  cwd: z.string(),
  env: z.record(z.string(), z.string()),
});

/** A replica's process as `weft run` is to start it. */
export interface BorrowedProcess extends z.infer<typeof loanSchema> {
  /** Resolves when the mesh takes it back: it has stopped. */
  readonly gone: Promise<void>;
  /** Gives it back. */
  readonly end: () => void;
}

const statusSchema = z.object({
  pid: z.int(),
  phase: z.enum(['starting', 'running', 'stopping']),
  port: z.int(),
  steps: z.array(stepSchema),
  mesh: z.string(),
  /** Commands that call services, once it is up. An older supervisor says neither these nor troubles. */
  suggestions: z.array(z.string()).default([]),
  /** Services that answer no Connect. */
  withoutConnect: z.array(z.string()).default([]),
  /** What does not run, and why. */
  troubles: z.array(z.object({ subject: z.string(), message: z.string() })).default([]),
  /** Services that are not the project's own, and what they are. */
  elsewhere: z.array(z.object({ namespace: z.string(), name: z.string(), what: z.string() })).default([]),
  processes: z.array(processSchema),
  replicas: z.array(replicaSchema),
});

/** What a supervisor says of its mesh. */
export type SupervisorStatus = z.infer<typeof statusSchema>;

const restartedSchema = z.object({ replicas: z.array(z.string()) });

const errorSchema = z.object({ error: z.string() });

/** Another command's side of the supervisor's socket. */
export class SupervisorClient {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** Undefined when no supervisor runs. */
  async status(): Promise<SupervisorStatus | undefined> {
    const answer = await this.#send('GET', '/status');
    return answer === undefined ? undefined : statusSchema.parse(answer);
  }

  /** Resolves when the service has so many replicas, all of them ready. */
  async scale(service: string, replicas: number): Promise<void> {
    const answer = await this.#send('POST', '/scale', { service, replicas });
    if (answer === undefined) throw notRunning();
  }

  /** Resolves with the names of the replicas whose processes were replaced: one replica, or all of a service. */
  async restart(name: string): Promise<readonly string[]> {
    const answer = await this.#send('POST', '/restart', { name });
    if (answer === undefined) throw notRunning();
    return restartedSchema.parse(answer).replicas;
  }

  /** Stops or starts one process, to see what the mesh does without it. */
  async hold(process: string, held: boolean): Promise<void> {
    const answer = await this.#send('POST', '/hold', { process, held });
    if (answer === undefined) throw notRunning();
  }

  /** Borrows the first replica of a service: its own process ends, and another is to take its place until the loan ends. */
  borrow(service: string): Promise<BorrowedProcess> {
    const { promise, resolve, reject } = Promise.withResolvers<BorrowedProcess>();
    const gone = Promise.withResolvers<void>();
    const call = request({ socketPath: this.#socketPath, method: 'POST', path: '/lend', agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('error', () => {});
      response.on('close', gone.resolve);
      response.on('data', (part: string) => {
        text += part;
        if (response.statusCode !== 200 || !text.includes('\n')) return;
        const loan = loanSchema.parse(JSON.parse(text));
        resolve({ ...loan, gone: gone.promise, end: () => call.destroy() });
      });
      response.on('end', () => reject(refusal(text, response.statusCode)));
    });
    call.on('error', (error) => reject(isNobodyListening(error) ? notRunning() : error));
    call.end(JSON.stringify({ service }));
    return promise;
  }

  /** Begins to stop it; false when none runs. */
  async down(): Promise<boolean> {
    return (await this.#send('POST', '/down')) !== undefined;
  }

  #send(method: string, path: string, body?: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call = request({ socketPath: this.#socketPath, method, path, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          text += part;
        });
        response.on('error', reject);
        response.on('end', () => {
          const { statusCode = 500 } = response;
          if (statusCode < 300) resolve(text ? JSON.parse(text) : {});
          else reject(refusal(text, statusCode));
        });
      });
      call.on('error', (error: NodeJS.ErrnoException) => {
        // No socket, or one that a killed supervisor has left: none runs.
        if (isNobodyListening(error)) resolve(undefined);
        else if (error.code === 'ECONNRESET') reject(new CommandError('The mesh was stopped meanwhile.'));
        else reject(error);
      });
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

/** The end of a command that needs a running mesh where none runs. */
export function notRunning(): CommandError {
  return new CommandError('No mesh is running here; start it with `weft up`.');
}

/** What the supervisor says of a request that it refuses. */
function refusal(text: string, statusCode = 500): CommandError {
  const content: unknown = text.startsWith('{') ? JSON.parse(text) : {};
  return new CommandError(errorSchema.safeParse(content).data?.error ?? `the supervisor answered ${statusCode}`);
}
