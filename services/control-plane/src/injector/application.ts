import type { ApplicationAddress } from '@weft/compiler/model/workload';
import { outboundPort } from '@weft/compiler/pod/ports';
import type { Choices } from './annotations.ts';
import type { InterceptionMode } from './interception-mode.ts';
import type { Container, EnvironmentVariable, Pod } from './pod.ts';

/** The directory that the application and its proxy share, for a unix socket that nobody else can reach. */
export const applicationDirectory = '/var/run/weft/app';
const socketPath = `${applicationDirectory}/app.sock`;
const defaultPort = 8080;

/** Whether a container is made with the service kit, by the pod's own word. */
export function usesKit(container: Container, choices: Choices): boolean {
  return choices.kit === 'all' || choices.kit.includes(container.name);
}

/** The one container that serves by the kit: the first of the pod's that uses it. */
export function kitServer(pod: Pod, choices: Choices): Container | undefined {
  return pod.spec.containers.find((container) => usesKit(container, choices));
}

/**
 * Where serve() listens in a container: the user's WEFT_LISTEN, else a unix socket where nothing intercepts, else loopback, so that
 * no call passes by the proxy even if the pod's rules were lost.
 */
export function kitListen(container: Container, mode: InterceptionMode): string {
  const own = container.env?.find(({ name }) => name === 'WEFT_LISTEN')?.value;
  if (own !== undefined) return own;
  return mode === 'none' ? `unix:${socketPath}` : `127.0.0.1:${firstPort(container) ?? defaultPort}`;
}

/** The variables that a container with the kit is given. Those that it has stay. */
export function kitEnvironment(
  container: Container,
  serves: boolean,
  mode: InterceptionMode,
): readonly EnvironmentVariable[] {
  const wanted = [
    ...(serves ? [{ name: 'WEFT_LISTEN', value: kitListen(container, mode) }] : []),
    { name: 'WEFT_OUTBOUND', value: `127.0.0.1:${outboundPort}` },
  ];
  const have = container.env ?? [];
  return [...have, ...wanted.filter(({ name }) => !have.some((variable) => variable.name === name))];
}

/** Finds where a port of a container is reached from inside its pod. */
export type Locate = (container: Container, port: number) => ApplicationAddress;

/** Everything is on loopback at its own port, but the port of the kit: that is wherever serve() listens. */
export function locator(pod: Pod, choices: Choices, mode: InterceptionMode): Locate {
  const server = kitServer(pod, choices);
  return (container, port) => {
    if (container.name === server?.name && port === (firstPort(container) ?? port)) {
      const listen = kitListen(server, mode);
      if (listen.startsWith('unix:')) return { unixSocket: listen.slice('unix:'.length) };
      const own = Number(/:(\d+)$/.exec(listen)?.[1]);
      if (own > 0) return { host: '127.0.0.1', port: own };
    }
    return { host: '127.0.0.1', port };
  };
}

function firstPort(container: Container): number | undefined {
  return container.ports?.find(({ protocol = 'TCP' }) => protocol === 'TCP')?.containerPort;
}
