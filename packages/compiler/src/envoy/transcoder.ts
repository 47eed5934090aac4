import type { Any } from '@bufbuild/protobuf/wkt';
import {
  GrpcJsonTranscoder_UrlUnescapeSpec as Decoded,
  GrpcJsonTranscoderSchema,
} from '@weft/envoy-api/envoy/extensions/filters/http/grpc_json_transcoder/v3/transcoder';
import type { ContractVersion } from '../model/contract.ts';
import { parseHttpTemplate } from '../model/http-template.ts';
import type { Method } from '../model/method.ts';
import { exposedDescriptors } from './exposed-descriptors.ts';
import { typedConfig } from './typed-config.ts';

/** Turns the REST of these methods, all of one contract version, into gRPC. */
export function transcode(version: ContractVersion, methods: readonly Method[], maxMessageBytes: number): Any {
  return typedConfig(GrpcJsonTranscoderSchema, {
    descriptorSet: {
      case: 'protoDescriptorBin',
      value: exposedDescriptors(version.descriptorSet, new Set(methods.map(({ path }) => path))),
    },
    services: [...new Set(methods.map(({ grpcService }) => grpcService))].sort(),
    // An error's status and details in the body, as JSON.
    convertGrpcStatus: true,
    printOptions: { alwaysPrintPrimitiveFields: true, streamNewlineDelimited: true },
    requestValidationOptions: {
      rejectUnknownMethod: true,
      rejectUnknownQueryParameters: true,
      // Otherwise a body could name another resource than the path by which it came.
      rejectBindingBodyFieldCollisions: true,
    },
    // google/api/http.proto: a variable of several segments keeps %2F, since its slashes divide them; one of a single segment keeps nothing.
    urlUnescapeSpec: Decoded.ALL_CHARACTERS_EXCEPT_SLASH,
    // As forms and URLSearchParams write a space.
    queryParamUnescapePlus: true,
    maxRequestBodySize: maxMessageBytes,
    maxResponseBodySize: maxMessageBytes,
  });
}

/** An expression for the paths, without query, that a template matches. */
export function pathPattern(text: string): string {
  const template = parseHttpTemplate(text);
  if (template === undefined) return literally(text);
  const segments = template.segments.map((segment) => {
    if (segment === '*') return '/[^/]+';
    // Any number of segments, none among them.
    return segment === '**' ? '(?:/.*)?' : `/${literally(segment.literal)}`;
  });
  return `${segments.join('')}${template.customVerb === undefined ? '' : `:${literally(template.customVerb)}`}`;
}

function literally(text: string): string {
  return text.replace(/[.\\+*?()[\]{}|^$]/g, '\\$&');
}
