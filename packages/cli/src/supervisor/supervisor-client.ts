import { request } from 'node:http';
import { z } from 'zod';
import { CommandError } from '../command-error.ts';
import { isNobodyListening } from '../system-error.ts';

const processSchema = z.object({
  name: z.string(),
  pid: z.int().optional(),
  /** Why it is not running; empty while it runs. */
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
  /** The PID of the application; the edge has none. */
  pid: z.int().optional(),
  envoyPid: z.int().optional(),
  restarts: z.int(),
  envoyRestarts: z.int(),
  /** Where the application listens: "unix:/path" or "127.0.0.1:3000". */
  application: z.string().optional(),
  /** The Envoy's listeners: for calls from the mesh, from the application, from outside. */
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

/** A replica's process for `weft run` to start. */
export interface BorrowedProcess extends z.infer<typeof loanSchema> {
  /** Resolves when the mesh takes it back because the mesh has stopped. */
  readonly gone: Promise<void>;
  /** Returns it to the mesh. */
  readonly end: () => void;
}

const statusSchema = z.object({
  pid: z.int(),
  phase: z.enum(['starting', 'running', 'stopping']),
  port: z.int(),
  steps: z.array(stepSchema),
  mesh: z.string(),
  /** Commands that call services, once the mesh is up. An older supervisor sends neither these nor troubles. */
  suggestions: z.array(z.string()).default([]),
  /** Services that answer no Connect. */
  withoutConnect: z.array(z.string()).default([]),
  /** What does not run, and why. */
  troubles: z.array(z.object({ subject: z.string(), message: z.string() })).default([]),
  /** External services, and what they are. */
  elsewhere: z.array(z.object({ namespace: z.string(), name: z.string(), what: z.string() })).default([]),
  processes: z.array(processSchema),
  replicas: z.array(replicaSchema),
});

/** A supervisor's status of its mesh. */
export type SupervisorStatus = z.infer<typeof statusSchema>;

const restartedSchema = z.object({ replicas: z.array(z.string()) });

const errorSchema = z.object({ error: z.string() });

/** The client of the supervisor's socket, for other commands. */
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

  /** Resolves when the service has that many replicas, all of them ready. */
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

  /**
   * Borrows the first replica of a service for a command (empty: the service's own): its process stops, and the borrower's process
   * replaces it until the loan ends. Rejects if the command cannot be started.
   */
  borrow(service: string, command: readonly string[]): Promise<BorrowedProcess> {
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
    // The supervisor only looks the program up. The arguments could be longer than a request may be.
    call.end(JSON.stringify({ service, command: command.slice(0, 1) }));
    return promise;
  }

  /** Begins to stop the mesh; false if none runs. */
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
        // No socket, or one that a killed supervisor left behind: none runs.
        if (isNobodyListening(error)) resolve(undefined);
        else if (error.code === 'ECONNRESET') reject(new CommandError('The mesh was stopped meanwhile.'));
        else reject(error);
      });
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

/** The error of a command that needs a running mesh. */
export function notRunning(): CommandError {
  return new CommandError('No mesh is running here; start it with `weft up`.');
}

/** The message of a request that the supervisor refuses. */
function refusal(text: string, statusCode = 500): CommandError {
  const content: unknown = text.startsWith('{') ? JSON.parse(text) : {};
  return new CommandError(errorSchema.safeParse(content).data?.error ?? `the supervisor answered ${statusCode}`);
}
