import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https';

/** The API server answered with something else than success, or with what nobody can read (status 0). */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What a request is made of. */
export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** "/api/v1/pods". */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  /** Default: application/json; for PATCH application/merge-patch+json. */
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  /** Nothing has come for so long: the connection is given up. Default: 30 s. */
  readonly idleMs?: number;
}

/** As much of the Kubernetes API as the control plane uses. */
export interface KubernetesApi {
  /** Resolves with the JSON of the answer. Rejects with ApiError. */
  call(request: ApiRequest): Promise<unknown>;
  /**
   * Calls back for each line of an answer that goes on (a watch), and before the first when the answer begins; resolves when it
   * ends. What a callback throws ends it, too. Rejects with ApiError.
   */
  lines(request: ApiRequest, onLine: (line: string) => void, onBegin?: () => void): Promise<void>;
  close(): void;
}

/** What a request proves the API server and ourselves with. */
export type ApiCredentials = Pick<
  RequestOptions,
  'ca' | 'cert' | 'key' | 'rejectUnauthorized' | 'servername' | 'headers' | 'auth'
>;

/** Where an API server is, and how it is to be spoken to. */
export interface ApiAccess {
  /** "https://10.96.0.1:443". */
  readonly server: string;
  /** Asked for with each request, because they change; not for plain HTTP. */
  credentials(): Promise<ApiCredentials>;
  /** The API server answered 401 to these. Resolves with whether there are others by now, so that it is worth asking again. */
  renew?(refused: ApiCredentials): Promise<boolean>;
}

const maxAnswerBytes = 512 * 1024 * 1024;

/** Speaks to an API server. */
export function connectApi(access: ApiAccess): KubernetesApi {
  const server = new URL(access.server);
  const isPlain = server.protocol === 'http:';
  // A URL has brackets around an IPv6 address, a connection has none.
  const host = server.hostname.replace(/^\[(.*)\]$/, '$1');
  let agent: { key: string; agent: HttpAgent } | undefined;

  /** Connections are kept for as long as what they were made with. */
  function agentFor({ ca, cert, key, rejectUnauthorized, servername }: ApiCredentials): HttpAgent {
    const now = JSON.stringify([String(ca), String(cert), String(key), rejectUnauthorized, servername]);
    if (agent?.key !== now) {
      agent?.agent.destroy();
      const tls = {
        ...(ca ? { ca } : {}),
        ...(cert ? { cert } : {}),
        ...(key ? { key } : {}),
        ...(servername ? { servername } : {}),
        ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
      };
      const made = isPlain ? new HttpAgent({ keepAlive: true }) : new HttpsAgent({ keepAlive: true, ...tls });
      agent = { key: now, agent: made };
    }
    return agent.agent;
  }

  async function open(request: ApiRequest): Promise<IncomingMessage> {
    const credentials = isPlain ? {} : await access.credentials();
    const response = await send(request, credentials);
    if (response.statusCode !== 401 || !(await access.renew?.(credentials))) return response;
    response.resume();
    return send(request, await access.credentials());
  }

  async function send(request: ApiRequest, credentials: ApiCredentials): Promise<IncomingMessage> {
    const { method = 'GET', path, query = {}, body, signal, idleMs = 30_000 } = request;
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, value);
    const text = body === undefined ? undefined : JSON.stringify(body);
    const type = request.contentType ?? (method === 'PATCH' ? 'application/merge-patch+json' : 'application/json');
    const headers = {
      ...headersOf(credentials.headers),
      accept: 'application/json',
      'user-agent': 'weft-control-plane',
      ...(text === undefined ? {} : { 'content-type': type, 'content-length': String(Buffer.byteLength(text)) }),
    };
    const options: RequestOptions = {
      method,
      host,
      port: server.port || (isPlain ? 80 : 443),
      path: `${server.pathname.replace(/\/$/, '')}${path}${search.size > 0 ? `?${search}` : ''}`,
      headers,
      agent: agentFor(credentials),
      ...(credentials.auth ? { auth: credentials.auth } : {}),
      ...(signal ? { signal } : {}),
    };
    return new Promise((resolve, reject) => {
      const sent = (isPlain ? httpRequest : httpsRequest)(options, (response) => {
        response.on('error', () => {});
        resolve(response);
      });
      // Also after the answer has begun: who reads it is told, and nobody else must be.
      sent.on('error', (error) => reject(new ApiError(0, error.message)));
      sent.setTimeout(idleMs, () => sent.destroy(new Error(`no answer for ${idleMs} ms`)));
      sent.end(text);
    });
  }

  async function whole(response: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of response) {
        const piece = Buffer.from(chunk);
        bytes += piece.length;
        if (bytes > maxAnswerBytes) throw new ApiError(0, `an answer of more than ${maxAnswerBytes} bytes`);
        chunks.push(piece);
      }
    } catch (error) {
      throw error instanceof ApiError ? error : new ApiError(0, String(error));
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  async function refuse(response: IncomingMessage): Promise<void> {
    const { statusCode = 0 } = response;
    if (statusCode >= 200 && statusCode < 300) return;
    throw new ApiError(statusCode, reasonOf(await whole(response)) ?? `status ${statusCode}`);
  }

  return {
    async call(request) {
      const response = await open(request);
      await refuse(response);
      const text = await whole(response);
      try {
        return JSON.parse(text);
      } catch {
        throw new ApiError(0, 'an answer that is not JSON');
      }
    },
    async lines(request, onLine, onBegin) {
      const response = await open(request);
      await refuse(response);
      onBegin?.();
      response.setEncoding('utf8');
      let rest = '';
      try {
        for await (const chunk of response) {
          const lines = (rest + String(chunk)).split('\n');
          rest = lines.pop() ?? '';
          if (rest.length > maxAnswerBytes) throw new ApiError(0, 'a line without an end');
          for (const line of lines) if (line.trim() !== '') onLine(line);
        }
      } catch (error) {
        throw error instanceof ApiError ? error : new ApiError(0, String(error));
      }
    },
    close: () => agent?.agent.destroy(),
  };
}

/** What credentials add to a request: its authorization. */
function headersOf(headers: RequestOptions['headers']): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers ?? {})) if (typeof value === 'string') found[name] = value;
  return found;
}

/** The message of a Status object. */
function reasonOf(text: string): string | undefined {
  try {
    const { message }: { message?: unknown } = Object(JSON.parse(text));
    return typeof message === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}
