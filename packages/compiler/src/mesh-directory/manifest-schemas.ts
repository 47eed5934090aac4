import { isIP } from 'node:net';
import { z } from 'zod';
import { contractHashPattern } from '../contracts/contract-hash.ts';
import { accessLogSchema } from '../facts/access-log-schema.ts';
import { parseAddressBlock, parseApplicationAddress, parseSocketAddress } from '../facts/address.ts';
import { parseDuration } from '../facts/duration.ts';
import { nameSchema } from '../facts/name-schema.ts';
import { type Bound, bounds, boundWords, isWithin } from '../model/bounds.ts';
import { edgeName } from '../model/names.ts';
import { defaultQuotas, maxContractBytes } from '../model/quotas.ts';

// The message of each schema says what would be right; the value that was found is put before it by manifest.ts.

const labelsSchema = z.record(z.string(), z.string('text (put quotes around numbers and booleans)'), 'a map of labels');

const portSchema = z
  .int('a port from 1 to 65535')
  .min(1, 'a port from 1 to 65535')
  .max(65_535, 'a port from 1 to 65535');

const socketAddressSchema = z.string('an IP address and a port: "127.0.0.1:20001"').transform((text, context) => {
  const address = parseSocketAddress(text);
  if (address === undefined) context.addIssue('an IP address and a port: "127.0.0.1:20001"');
  return address ?? z.NEVER;
});

const applicationAddressSchema = z.string('"unix:/path" or "127.0.0.1:3000"').transform((text, context) => {
  const address = parseApplicationAddress(text);
  if (address === undefined) context.addIssue('"unix:/path" or "127.0.0.1:3000"');
  return address ?? z.NEVER;
});

const addressSchema = z.string('an IP address').refine((text) => isIP(text) !== 0, 'an IP address');

const addressBlockSchema = z.string('an IP address or a block of them: "10.1.0.0/16"').transform((text, context) => {
  const block = parseAddressBlock(text);
  if (block === undefined) context.addIssue('an IP address or a block of them: "10.1.0.0/16"');
  return block ?? z.NEVER;
});

/** The longest prefix of paths that a row may give. */
const maxPathPrefixLength = 512;

const durationSchema = z.string('a duration: "24h"').transform((text, context) => {
  const durationMs = parseDuration(text);
  if (durationMs === undefined || !isWithin(durationMs, bounds.certificateLifetime)) {
    context.addIssue(`${boundWords(bounds.certificateLifetime)}, such as "24h"`);
  }
  return durationMs ?? z.NEVER;
});

const metadataSchema = z.object(
  {
    name: nameSchema,
    namespace: nameSchema.optional(),
    labels: labelsSchema.optional(),
    creationTimestamp: z.string('a time: "2026-01-31T12:00:00Z"').optional(),
  },
  'metadata with a name',
);

/** What every document must have to be told apart from others. */
export const documentSchema = z.object(
  {
    apiVersion: z.string('an API version: "weft.dev/v1"'),
    kind: z.string('a kind: "Service"'),
    metadata: metadataSchema,
    spec: z.unknown(),
  },
  'an object with apiVersion, kind, metadata and spec',
);

function quotaSchema(byDefault: number, max = 2 ** 31 - 1) {
  return wholeSchema({ min: 1, max, whole: true }).default(byDefault);
}

/** `weft.dev/v1 MeshConfig`. */
export const meshConfigSchema = z.object({
  spec: z.strictObject(
    {
      trustDomain: z
        .string('a trust domain: "weft.local"')
        .regex(/^[a-z0-9._-]{1,255}$/, 'lower-case letters, digits, ".", "-" and "_"')
        .default('weft.local'),
      packages: z
        .array(
          z.strictObject(
            {
              namespace: nameSchema,
              protoPackage: z
                .string('a proto package: "bakery"')
                .regex(/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/, 'a proto package: "bakery" or "bakery.orders"'),
            },
            'namespace and protoPackage',
          ),
          'a list of { namespace, protoPackage }',
        )
        .default([]),
      exposure: z
        .array(
          z.strictObject(
            {
              namespace: nameSchema,
              gateway: nameSchema.default(edgeName),
              paths: z
                .array(
                  z
                    .string('a path: "/v1/products"')
                    .max(maxPathPrefixLength, `at most ${maxPathPrefixLength} characters`)
                    .regex(/^(\/|(\/[A-Za-z0-9._~%-]+)+)$/, 'a path of whole segments: "/" or "/v1/products"'),
                  'a list of paths',
                )
                .default(['/']),
              hosts: z
                .array(
                  z
                    .string('a host name: "api.example.com"')
                    .regex(
                      /^([*][.])?[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/,
                      'a host name: "api.example.com" or "*.example.com"',
                    ),
                  'a list of host names',
                )
                .default([]),
            },
            'namespace, gateway, paths and hosts',
          ),
          'a list of { namespace, gateway, paths, hosts }',
        )
        .default([]),
      tracing: z
        .strictObject(
          {
            host: z.string('a host').min(1, 'a host'),
            port: portSchema,
            samplingPercent: z.number('0 to 100').min(0, '0 to 100').max(100, '0 to 100').default(100),
          },
          'host, port and samplingPercent',
        )
        .optional(),
      certificateLifetime: durationSchema.default(24 * 3_600_000),
      outbound: z.enum(['allow', 'deny'], 'allow or deny').default('allow'),
      outbounds: z
        .array(
          z.strictObject(
            {
              namespace: nameSchema,
              labels: labelsSchema.default({}),
              outbound: z.enum(['allow', 'deny'], 'allow or deny'),
            },
            'namespace, labels and outbound',
          ),
          'a list of { namespace, labels, outbound }',
        )
        .optional(),
      accessLog: accessLogSchema.default('sampled'),
      accessLogs: z
        .array(
          z.strictObject({ namespace: nameSchema, level: accessLogSchema }, 'namespace and level'),
          'a list of { namespace, level }',
        )
        .default([]),
      permissive: z
        .array(
          z.strictObject(
            { namespace: nameSchema, labels: labelsSchema.default({}), port: portSchema.optional() },
            'namespace, labels and port',
          ),
          'a list of { namespace, labels, port }',
        )
        .default([]),
      zoneAware: z.boolean('true or false').default(false),
      quotas: z
        .strictObject(
          {
            contractMethods: quotaSchema(defaultQuotas.contractMethods),
            contractBytes: quotaSchema(defaultQuotas.contractBytes, maxContractBytes),
            namespaceMethods: quotaSchema(defaultQuotas.namespaceMethods),
            namespaceBytes: quotaSchema(defaultQuotas.namespaceBytes),
            gatewayBytes: quotaSchema(defaultQuotas.gatewayBytes),
          },
          'contractMethods, contractBytes, namespaceMethods, namespaceBytes and gatewayBytes',
        )
        .default(defaultQuotas),
    },
    'trustDomain, packages, exposure, tracing, certificateLifetime, outbound, outbounds, accessLog, accessLogs, permissive, zoneAware and quotas',
  ),
});

/** The part of a `v1 Service` that the mesh reads; the rest of Kubernetes' fields pass unread. */
export const serviceSchema = z.object({
  spec: z.object(
    {
      selector: labelsSchema.refine((labels) => Object.keys(labels).length > 0, 'at least one label of its replicas'),
      ports: z
        .array(
          z.object({
            name: z.string().optional(),
            port: portSchema,
            targetPort: z.union([portSchema, z.string().min(1)], 'a port, or the name of one').optional(),
            appProtocol: z.string().optional(),
            protocol: z.string().optional(),
          }),
          'a list of ports',
        )
        .min(1, 'at least one port'),
      clusterIP: z.string().optional(),
      clusterIPs: z.array(z.string()).optional(),
    },
    'selector and ports',
  ),
});

/** `weft.dev/v1 Workload`: a process in a Pod's place. */
export const workloadSchema = z.object({
  spec: z.strictObject(
    {
      serviceAccount: nameSchema,
      contract: z
        .string('a contract hash of 16 hex digits')
        .regex(contractHashPattern, 'a contract hash of 16 hex digits')
        .optional(),
      inbound: z
        .array(
          z.strictObject(
            { listen: socketAddressSchema, application: applicationAddressSchema },
            'listen and application',
          ),
          'a list of { listen, application }',
        )
        .default([]),
      outbound: socketAddressSchema.optional(),
      gateway: z.strictObject({ name: nameSchema, listen: socketAddressSchema }, 'name and listen').optional(),
      pod: z
        .strictObject(
          {
            addresses: z.array(addressSchema, 'a list of IP addresses').min(1, 'at least one IP address'),
            interception: z.enum(['redirect', 'none'], 'redirect or none').default('redirect'),
            application: applicationAddressSchema.optional(),
            portNames: z.record(z.string(), portSchema, 'a map of names to ports').default({}),
          },
          'addresses, interception, application and portNames',
        )
        .optional(),
      zone: z
        .string('the name of a zone')
        .regex(/^[\w.-]{1,63}$/, 'the name of a zone: "eu-1a"')
        .optional(),
    },
    'serviceAccount, contract, inbound, outbound, gateway, pod and zone',
  ),
  status: z
    .object({ ready: z.boolean('true or false'), reason: z.string('text').optional() }, 'ready and reason')
    .default({ ready: false, reason: 'its status is not known yet' }),
});

/** `weft.dev/v1 ExternalService`: something outside the mesh that the workloads of its namespace call. */
export const externalServiceSchema = z.object({
  spec: z.strictObject(
    {
      host: z
        .string('a host name: "api.example.com"')
        .regex(/^([*][.])?[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, 'a host name: "api.example.com" or "*.example.com"'),
      port: portSchema,
      tls: z.boolean('true or false').default(false),
      serverFirst: z.boolean('true or false').default(false),
      addresses: z.array(addressBlockSchema, 'a list of IP addresses or blocks of them').default([]),
    },
    'host, port, tls, serverFirst and addresses',
  ),
});

const byteCountSchema = wholeSchema(bounds.gatewayBytes);

function wholeSchema(bound: Bound) {
  const words = boundWords(bound);
  return z.int(words).min(bound.min, words).max(bound.max, words);
}

const hopsExpected = 'a whole number from 0 to 16';

/** `weft.dev/v1 Gateway`: a door of the mesh. */
export const gatewaySchema = z.object({
  spec: z.strictObject(
    {
      reflection: z.boolean('true or false').default(false),
      maxHeaderBytes: wholeSchema(bounds.gatewayHeaderBytes).default(60 * 1024),
      maxHeaders: wholeSchema(bounds.gatewayHeaders).default(100),
      maxMessageBytes: byteCountSchema.default(4 * 1024 * 1024),
      corsOrigins: z.array(z.string('an origin: "https://bakery.example"'), 'a list of origins').default([]),
      trustedHops: z.int(hopsExpected).min(0, hopsExpected).max(16, hopsExpected).default(0),
    },
    'reflection, maxHeaderBytes, maxHeaders, maxMessageBytes, corsOrigins and trustedHops',
  ),
});
