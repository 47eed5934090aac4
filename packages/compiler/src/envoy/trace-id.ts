import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import {
  HeaderValueOption_HeaderAppendAction as AppendAction,
  type HeaderValueOption,
  HeaderValueOptionSchema,
} from '@weft/envoy-api/envoy/config/core/v3/base';
import { HeaderMutationSchema } from '@weft/envoy-api/envoy/extensions/filters/http/header_mutation/v3/header_mutation';
import {
  ConfigSchema as HeaderToMetadataSchema,
  Config_ValueType as ValueType,
} from '@weft/envoy-api/envoy/extensions/filters/http/header_to_metadata/v3/header_to_metadata';
import { filters, metadataNamespace, spanTraceHeader, traceIdHeader } from './names.ts';
import { typedConfig } from './typed-config.ts';

// A proxy's own answers name their trace as the answers of applications do. Local replies cannot read the span, and no format takes a part
// of a header, so filters put the id into metadata first.

const key = 'trace_id';

/** The id of a call's trace, for formats of logs and headers; empty of a request that was refused before any filter saw it. */
export const traceIdFormat = `%DYNAMIC_METADATA(${metadataNamespace}:${key})%`;

/** Names the trace in an answer of the proxy's own. */
export const namesTrace: HeaderValueOption = create(HeaderValueOptionSchema, {
  header: { key: traceIdHeader, value: traceIdFormat },
  appendAction: AppendAction.ADD_IF_ABSENT,
});

/** What W3C Trace Context refuses comes first, and gives no id. */
const traceparent = '^(?:ff-.*|[0-9a-f]{2}-0{32}-.*|[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*|.*)$';
/** Without a trace, the id of the request stands for one: it is the same at all proxies that the call passes. */
const requestId = '^(?:([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})|.*)$';

/** Of several rules that find an id the last one counts. */
const rules = [
  rule('x-request-id', { pattern: { regex: requestId }, substitution: '\\1\\2\\3\\4\\5' }),
  rule('traceparent', { pattern: { regex: traceparent }, substitution: '\\1' }),
];

const withoutSpans = [filter(filters.traceId, HeaderToMetadataSchema, { requestRules: rules })];

const withSpans = [
  // The trace of a call that came without one begins with the proxy's span.
  filter(filters.spanTrace, HeaderMutationSchema, {
    mutations: {
      requestMutations: [
        {
          action: {
            case: 'append',
            value: {
              header: { key: spanTraceHeader, value: '%TRACE_ID%' },
              appendAction: AppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
            },
          },
        },
      ],
    },
  }),
  filter(filters.traceId, HeaderToMetadataSchema, {
    requestRules: [...rules, { ...rule(spanTraceHeader), remove: true }],
  }),
];

/** Before all other filters of a listener: they find out the id of each call's trace. `makesSpans`: the listener has a tracer. */
export function traceIdFilters(makesSpans: boolean) {
  return makesSpans ? withSpans : withoutSpans;
}

function rule(
  header: string,
  regexValueRewrite?: { readonly pattern: { readonly regex: string }; readonly substitution: string },
) {
  return {
    header,
    onHeaderPresent: {
      metadataNamespace,
      key,
      type: ValueType.STRING,
      ...(regexValueRewrite ? { regexValueRewrite } : {}),
    },
  };
}

function filter<Desc extends DescMessage>(name: string, schema: Desc, init: MessageInitShape<Desc>) {
  return { name, configType: { case: 'typedConfig' as const, value: typedConfig(schema, init) } };
}
