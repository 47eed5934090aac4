import { randomBytes } from 'node:crypto';
import type { ServiceManifest } from './service-manifest.ts';
import type { Paint } from './terminal/style.ts';

/** What a person sees when the mesh is up: where it is, and what to try. */
export function welcome(port: number, services: readonly Pick<ServiceManifest, 'try'>[], paint: Paint): string {
  const edge = `localhost:${port}`;
  const commands = services
    .flatMap((service) => service.try)
    .map((command) => command.replaceAll('{edge}', edge).replaceAll('{id}', () => randomBytes(4).toString('hex')));
  const lines = [
    `${paint('bold', 'The mesh is up:')} gRPC, gRPC-Web, Connect and JSON on ${paint('bold', `http://${edge}`)}`,
    '',
    'Try:',
    ...[`grpcurl -plaintext ${edge} list`, ...commands, 'npx weft status'].map((command) => `  ${command}`),
  ];
  return lines.join('\n');
}
