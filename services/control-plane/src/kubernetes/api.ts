import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';

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

const maxAnswerBytes = 512 * 1024 * 1024;

/** The kubeconfig of $KUBECONFIG or, in a pod, the pod's own account. The library is large: loaded only here. */
export async function loadKubeConfig(): Promise<KubeConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  if (process.env.KUBECONFIG === undefined && process.env.KUBERNETES_SERVICE_HOST !== undefined) {
    config.loadFromCluster();
  } else {
    config.loadFromDefault();
  }
  return config;
}

/** Speaks to the API server of a kubeconfig's current context. Credentials are asked for with each request: they change. */
export function connectApi(config: Pick<KubeConfig, 'getCurrentCluster' | 'applyToHTTPSOptions'>): KubernetesApi {
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new ApiError(0, 'the kubeconfig has no current cluster');
  const server = new URL(cluster.server);
  const isPlain = server.protocol === 'http:';
  let agent: { key: string; agent: HttpAgent } | undefined;

  /** Connections are kept for as long as what they were made with. */
  function agentFor({ ca, cert, key, rejectUnauthorized, servername }: RequestOptions): HttpAgent {
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
    const { method = 'GET', path, query = {}, body, signal, idleMs = 30_000 } = request;
    const credentials: RequestOptions = {};
    if (!isPlain) await config.applyToHTTPSOptions(credentials);
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
      host: server.hostname,
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

/** What a kubeconfig adds to a request: its authorization. */
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
