/**
 * The baseline of cold-start.ts: a process that lists what the control plane must list before its first snapshot, in pages of 500,
 * reads the JSON, and ends. $API_SERVER is the address of an API server that needs no credentials.
 */
const paths = ['/api/v1/services', '/api/v1/pods', '/apis/discovery.k8s.io/v1/endpointslices', '/api/v1/namespaces'];

await Promise.all(paths.map(list));

async function list(path: string): Promise<void> {
  for (let next: string | undefined = ''; next !== undefined; ) {
    const query = new URLSearchParams({ limit: '500', ...(next === '' ? {} : { continue: next }) });
    const response = await fetch(`${process.env.API_SERVER}${path}?${query}`);
    const { metadata }: { metadata?: { continue?: string } } = Object(JSON.parse(await response.text()));
    next = metadata?.continue || undefined;
  }
}
