import { randomBytes } from 'node:crypto';
import type { ServiceManifest } from './service-manifest.ts';
import type { Trouble } from './supervisor/trouble.ts';
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

/** What does not run, as paragraphs: none where everything does. */
export function troubleText(troubles: readonly Trouble[], paint: Paint): string[] {
  if (troubles.length === 0) return [];
  const lines = troubles.map(({ subject, message }) => `  ${paint('red', `${subject}:`)} ${message}`);
  return [['Not everything runs; the rest does, and goes on without it:', ...lines].join('\n')];
}
