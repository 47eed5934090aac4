import { randomBytes } from 'node:crypto';
import { suggestedCalls } from './example/suggested-calls.ts';
import { weftHere } from './package-manager.ts';
import type { ServiceManifest } from './service-manifest.ts';
import type { Trouble } from './supervisor/trouble.ts';
import type { Paint } from './terminal/style.ts';

/** A service that runs. */
export interface CallableService {
  readonly service: Pick<ServiceManifest, 'try' | 'contract'>;
  /** The descriptor set of its contract. */
  readonly descriptorSet: Uint8Array | undefined;
}

/** More lines than these nobody reads. */
const maxCommands = 8;

/** Commands that call services at the edge: those that their weft.yaml names, and for the others what their contracts expose. */
export function suggestions(services: readonly CallableService[], port: number): string[] {
  const edge = `localhost:${port}`;
  const own = services.flatMap(({ service }) => service.try.map((command) => command.replaceAll('{edge}', edge)));
  const made = services
    .filter(({ service }) => service.try.length === 0)
    .flatMap(({ service, descriptorSet }) =>
      service.contract && descriptorSet ? suggestedCalls(descriptorSet, service.contract, edge) : [],
    );
  return [...own, ...made]
    .slice(0, maxCommands)
    .map((command) => command.replaceAll('{id}', () => randomBytes(4).toString('hex')));
}

/**
 * What a person sees when the mesh is up: where it is, and what to try. `withoutConnect`: names of services that answer no Connect, since
 * the edge does not translate it.
 */
export function welcome(
  port: number,
  commands: readonly string[],
  paint: Paint,
  withoutConnect: readonly string[] = [],
): string {
  const edge = `localhost:${port}`;
  const at = paint('bold', `http://${edge}`);
  const protocols =
    withoutConnect.length === 0
      ? `gRPC, gRPC-Web, Connect and JSON on ${at}`
      : `gRPC, gRPC-Web and JSON on ${at}; Connect too, except for ${withoutConnect.join(', ')}`;
  const lines = [
    `${paint('bold', 'The mesh is up:')} ${protocols}`,
    '',
    'Try:',
    ...[`grpcurl -plaintext ${edge} list`, ...commands, `${weftHere()} status`].map((command) => `  ${command}`),
  ];
  return lines.join('\n');
}

/** What does not run, as paragraphs: none where everything does. */
export function troubleText(troubles: readonly Trouble[], paint: Paint): string[] {
  if (troubles.length === 0) return [];
  const lines = troubles.map(({ subject, message }) => `  ${paint('red', `${subject}:`)} ${message}`);
  return [['Not everything runs; the rest does, and goes on without it:', ...lines].join('\n')];
}
