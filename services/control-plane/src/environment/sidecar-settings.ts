import { controlPlaneHost } from '@weft/compiler/pod/names';
import { z } from 'zod';
import { defaultSettings, type InjectorSettings } from '../injector/settings.ts';
import { OptionError } from '../options.ts';

const quantities = z.looseObject({ cpu: z.string().optional(), memory: z.string().optional() }).optional();
const resourcesSchema = z.looseObject({ requests: quantities, limits: quantities });

/** What the command line and the environment of the process say about sidecars. */
export interface SidecarOptions {
  readonly namespace: string;
  /** The port of --xds. */
  readonly xdsPort: number;
  readonly proxyImage?: string;
  readonly interceptionImage?: string;
  /** WEFT_SIDECAR_RESOURCES: resources as Kubernetes writes them, JSON. */
  readonly resources?: string;
  /** WEFT_SIDECAR_LOG_LEVEL. */
  readonly logLevel?: string;
}

/** The settings of the injector; what is not said has its default. Throws OptionError. */
export function sidecarSettings(options: SidecarOptions): InjectorSettings {
  const { namespace, xdsPort, proxyImage, interceptionImage, logLevel } = options;
  const { requests, limits } = readResources(options.resources);
  return {
    proxyImage: proxyImage ?? defaultSettings.proxyImage,
    interceptionImage: interceptionImage ?? defaultSettings.interceptionImage,
    controlPlane: { host: controlPlaneHost(namespace), port: xdsPort },
    resources: {
      ...defaultSettings.resources,
      ...(requests?.cpu === undefined ? {} : { cpuRequest: requests.cpu }),
      ...(requests?.memory === undefined ? {} : { memoryRequest: requests.memory }),
      ...(limits?.cpu === undefined ? {} : { cpuLimit: limits.cpu }),
      ...(limits?.memory === undefined ? {} : { memoryLimit: limits.memory }),
    },
    logLevel: logLevel || defaultSettings.logLevel,
  };
}

function readResources(text: string | undefined): z.output<typeof resourcesSchema> {
  if (text === undefined || text === '') return {};
  try {
    return resourcesSchema.parse(JSON.parse(text));
  } catch {
    throw new OptionError(`WEFT_SIDECAR_RESOURCES must be JSON such as {"requests":{"cpu":"20m","memory":"64Mi"}}`);
  }
}
