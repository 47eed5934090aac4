import { request } from 'node:http';

/** One request to Envoy's admin interface. */
export interface AdminRequest {
  /** The unix socket that it listens on. */
  readonly socketPath: string;
  /** "/stats?filter=cluster". */
  readonly path: string;
  /** Default: GET; what changes Envoy's state needs POST. */
  readonly method?: 'GET' | 'POST';
  /** Default: 5 s. */
  readonly timeoutMs?: number;
}

/** The body of the answer. Rejects when Envoy does not answer in time or answers with anything but 200. */
export function requestAdmin({ socketPath, path, method = 'GET', timeoutMs = 5_000 }: AdminRequest): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path, method, timeout: timeoutMs }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => {
        if (response.statusCode === 200) resolve(body);
        else reject(new Error(`Envoy's admin answered ${path} with ${response.statusCode}: ${body.slice(0, 200)}`));
      });
      response.on('error', reject);
    });
    call.on('timeout', () => call.destroy(new Error(`Envoy's admin did not answer ${path} within ${timeoutMs} ms`)));
    call.on('error', reject);
    call.end();
  });
}
