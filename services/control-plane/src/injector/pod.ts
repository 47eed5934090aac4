import { z } from 'zod';

// As much of a Kubernetes Pod (core/v1) as the injector reads. Whatever else an object holds is kept as it is: a mutation must never
// lose a field that a newer Kubernetes knows.

const port = z.union([z.int().min(1).max(65_535), z.string()]);

const httpGet = z.looseObject({
  port,
  path: z.string().optional(),
  host: z.string().optional(),
  scheme: z.string().optional(),
  httpHeaders: z.array(z.looseObject({ name: z.string(), value: z.string() })).optional(),
});

const tcpSocket = z.looseObject({ port, host: z.string().optional() });

const handler = {
  httpGet: httpGet.optional(),
  tcpSocket: tcpSocket.optional(),
  exec: z.looseObject({}).optional(),
};

const probe = z.looseObject({
  ...handler,
  grpc: z.looseObject({ port: z.int(), service: z.string().nullish() }).optional(),
  periodSeconds: z.int().optional(),
  timeoutSeconds: z.int().optional(),
});

const lifecycleHandler = z.looseObject({ ...handler, sleep: z.looseObject({ seconds: z.int() }).optional() });

const securityContext = z.looseObject({
  runAsUser: z.int().optional(),
  privileged: z.boolean().nullish(),
  capabilities: z.looseObject({ add: z.array(z.string()).nullish() }).nullish(),
});

const container = z.looseObject({
  name: z.string(),
  restartPolicy: z.string().optional(),
  ports: z
    .array(
      z.looseObject({
        name: z.string().optional(),
        containerPort: z.int().min(1).max(65_535),
        protocol: z.string().optional(),
      }),
    )
    .optional(),
  env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })).optional(),
  volumeMounts: z.array(z.looseObject({ name: z.string(), mountPath: z.string() })).optional(),
  readinessProbe: probe.optional(),
  livenessProbe: probe.optional(),
  startupProbe: probe.optional(),
  lifecycle: z.looseObject({ preStop: lifecycleHandler.optional(), postStart: lifecycleHandler.optional() }).optional(),
  securityContext: securityContext.optional(),
});

/** A Pod that a webhook was given. Parse what came from outside; fields that are not named here pass through. */
export const podSchema = z.looseObject({
  metadata: z
    .looseObject({
      name: z.string().optional(),
      generateName: z.string().optional(),
      namespace: z.string().optional(),
      labels: z.record(z.string(), z.string()).optional(),
      annotations: z.record(z.string(), z.string()).optional(),
    })
    .optional(),
  spec: z.looseObject({
    containers: z.array(container).min(1),
    initContainers: z.array(container).optional(),
    volumes: z.array(z.looseObject({ name: z.string() })).optional(),
    hostNetwork: z.boolean().optional(),
    hostUsers: z.boolean().optional(),
    schedulerName: z.string().optional(),
    dnsConfig: z.looseObject({ nameservers: z.array(z.string()).nullish() }).nullish(),
    terminationGracePeriodSeconds: z.int().min(0).optional(),
    os: z.looseObject({ name: z.string() }).optional(),
    securityContext: securityContext.optional(),
  }),
});

export type Pod = z.infer<typeof podSchema>;
export type Container = z.infer<typeof container>;
export type Probe = z.infer<typeof probe>;
export type HttpGet = z.infer<typeof httpGet>;
export type LifecycleHandler = z.infer<typeof lifecycleHandler>;
export type Volume = NonNullable<Pod['spec']['volumes']>[number];
export type EnvironmentVariable = NonNullable<Container['env']>[number];

/** Labels of a namespace. */
export type Labels = Readonly<Record<string, string>>;
