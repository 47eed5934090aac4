import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2';

/** A call to be made without any library. */
export interface RawCall {
  readonly authority: string;
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders;
  /** Default: one empty gRPC message. */
  readonly body?: Uint8Array | string;
}

/** How it ended. */
export interface RawAnswer {
  /** HTTP status; 0 for a stream that ended without. */
  readonly status: number;
  /** From the headers or the trailers. */
  readonly grpcStatus?: string;
  readonly grpcMessage?: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

/** A connection to a proxy's port, by raw HTTP/2; made at the first call, and again after it has ended. */
export class RawCaller {
  readonly #address: string;
  readonly #tls: { readonly key: string; readonly cert: string } | undefined;
  #session: ClientHttp2Session | undefined;

  /** With `tls`, by mTLS with this certificate, whoever the server is. */
  constructor(address: string, tls?: { readonly key: string; readonly cert: string }) {
    this.#address = address;
    this.#tls = tls;
  }

  #connected(): ClientHttp2Session {
    if (this.#session && !this.#session.closed && !this.#session.destroyed) return this.#session;
    this.#session = this.#tls
      ? connect(`https://${this.#address}`, { ...this.#tls, rejectUnauthorized: false })
      : connect(`http://${this.#address}`);
    this.#session.on('error', () => {});
    return this.#session;
  }

  /** Makes a gRPC call, unless its headers say otherwise; never rejects. */
  call({ authority, path, headers, body = Buffer.alloc(5) }: RawCall): Promise<RawAnswer> {
    return new Promise((resolve) => {
      const stream = this.#connected().request({
        ':method': 'POST',
        ':path': path,
        ':authority': authority,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...headers,
      });
      let head: Record<string, unknown> = {};
      let tail: Record<string, unknown> = {};
      const chunks: Buffer[] = [];
      stream.on('response', (received) => {
        head = received;
      });
      stream.on('trailers', (received) => {
        tail = received;
      });
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', () => {});
      stream.on('close', () => {
        const all = { ...head, ...tail };
        resolve({
          status: Number(head[':status'] ?? 0),
          ...(all['grpc-status'] === undefined ? {} : { grpcStatus: String(all['grpc-status']) }),
          ...(all['grpc-message'] === undefined
            ? {}
            : { grpcMessage: decodeURIComponent(String(all['grpc-message'])) }),
          headers: head,
          body: Buffer.concat(chunks),
        });
      });
      stream.end(body);
    });
  }

  close(): void {
    this.#session?.destroy();
  }
}
