import { create, type DescMessage } from '@bufbuild/protobuf';
import { StringValueSchema } from '@bufbuild/protobuf/wkt';
import {
  DestinationIPInputSchema,
  DestinationPortInputSchema,
  ServerNameInputSchema,
  TransportProtocolInputSchema,
} from '@weft/envoy-api/envoy/extensions/matching/common_inputs/network/v3/network_inputs';
import { TypedExtensionConfigSchema } from '@weft/envoy-api/xds/core/v3/extension';
import { IPMatcherSchema } from '@weft/envoy-api/xds/type/matcher/v3/ip';
import {
  type Matcher,
  Matcher_MatcherListSchema,
  type Matcher_MatcherTree,
  Matcher_MatcherTree_MatchMapSchema,
  Matcher_MatcherTreeSchema,
  type Matcher_OnMatch,
  Matcher_OnMatchSchema,
  MatcherSchema,
} from '@weft/envoy-api/xds/type/matcher/v3/matcher';
import type { AddressBlock } from '../model/external-service.ts';
import { typedConfig } from './typed-config.ts';

// A listener's choice of a filter chain as a tree of questions. In place of filter_chain_match of each chain: that has an order of
// its own (the port before the address, without a way back), and an address more in it is another chain, which drains connections.
// The tree is no part of a chain.

/** What becomes of a connection: the filter chain of that name, or another question. */
export type Choice = string | Matcher;

/** By the port that the connection was made to. Without an `otherwise`, here and below, it is closed. */
export function byPort(choices: ReadonlyMap<number, Choice>, otherwise?: Choice): Choice | undefined {
  const byText = new Map([...choices].map(([port, choice]) => [String(port), choice]));
  return byValue(DestinationPortInputSchema, 'port', byText, otherwise);
}

/** By the address that it was made to. */
export function byAddress(choices: ReadonlyMap<string, Choice>, otherwise?: Choice): Choice | undefined {
  return byValue(DestinationIPInputSchema, 'address', choices, otherwise);
}

/** By what it begins with. Needs the TLS inspector. */
export function byTransport(tls: Choice, plain?: Choice): Choice | undefined {
  return byValue(TransportProtocolInputSchema, 'transport', new Map([['tls', tls]]), plain);
}

/** By the host that a TLS client names; "*.example.com" is all below. Needs the TLS inspector. */
export function byServerName(
  choices: readonly (readonly [host: string, choice: Choice])[],
  otherwise?: Choice,
): Choice | undefined {
  if (choices.length === 0) return otherwise;
  const matchers = choices.map(([host, choice]) => ({
    predicate: {
      matchType: {
        case: 'singlePredicate' as const,
        value: {
          input: input(ServerNameInputSchema, 'host'),
          matcher: { case: 'valueMatch' as const, value: { matchPattern: hostPattern(host), ignoreCase: true } },
        },
      },
    },
    onMatch: outcome(choice),
  }));
  return question({ case: 'matcherList', value: create(Matcher_MatcherListSchema, { matchers }) }, otherwise);
}

function hostPattern(host: string) {
  return host.startsWith('*.')
    ? { case: 'suffix' as const, value: host.slice(1) }
    : { case: 'exact' as const, value: host };
}

/** By the blocks of addresses that it was made to, the smallest first. */
export function byBlock(
  choices: readonly (readonly [blocks: readonly AddressBlock[], choice: Choice])[],
  otherwise?: Choice,
): Choice | undefined {
  const rangeMatchers = choices.flatMap(([blocks, choice]) => {
    const ranges = blocks.map(({ address, prefixLength }) => ({
      addressPrefix: address,
      prefixLen: prefixLength,
    }));
    return ranges.length > 0 ? { ranges, onMatch: outcome(choice) } : [];
  });
  if (rangeMatchers.length === 0) return otherwise;
  return tree(
    DestinationIPInputSchema,
    'address',
    {
      case: 'customMatch',
      value: create(TypedExtensionConfigSchema, {
        name: 'blocks',
        typedConfig: typedConfig(IPMatcherSchema, { rangeMatchers }),
      }),
    },
    otherwise,
  );
}

/** A choice as the matcher of a listener. */
export function chainMatcher(choice: Choice | undefined): Matcher | undefined {
  return typeof choice === 'string' ? create(MatcherSchema, { onNoMatch: outcome(choice) }) : choice;
}

function byValue(
  schema: DescMessage,
  name: string,
  choices: ReadonlyMap<string, Choice>,
  otherwise: Choice | undefined,
): Choice | undefined {
  if (choices.size === 0) return otherwise;
  const map = Object.fromEntries([...choices].map(([value, choice]) => [value, outcome(choice)]));
  const matches = create(Matcher_MatcherTree_MatchMapSchema, { map });
  return tree(schema, name, { case: 'exactMatchMap', value: matches }, otherwise);
}

function tree(
  schema: DescMessage,
  name: string,
  treeType: Matcher_MatcherTree['treeType'],
  otherwise: Choice | undefined,
): Matcher {
  const value = create(Matcher_MatcherTreeSchema, { input: input(schema, name), treeType });
  return question({ case: 'matcherTree', value }, otherwise);
}

function question(matcherType: Matcher['matcherType'], otherwise: Choice | undefined): Matcher {
  return create(MatcherSchema, {
    matcherType,
    ...(otherwise === undefined ? {} : { onNoMatch: outcome(otherwise) }),
  });
}

function input(schema: DescMessage, name: string) {
  return create(TypedExtensionConfigSchema, { name, typedConfig: typedConfig(schema, {}) });
}

function outcome(choice: Choice): Matcher_OnMatch {
  return create(Matcher_OnMatchSchema, {
    onMatch:
      typeof choice === 'string'
        ? {
            case: 'action',
            value: create(TypedExtensionConfigSchema, {
              name: 'chain',
              typedConfig: typedConfig(StringValueSchema, { value: choice }),
            }),
          }
        : { case: 'matcher', value: choice },
  });
}
