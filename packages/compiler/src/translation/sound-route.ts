import type { Problem } from '../model/problem.ts';
import { refWords } from '../model/resource-ref.ts';
import { type Route, type Rule, redirectOf } from '../model/route.ts';
import { type RuleComplaint, ruleComplaint } from '../model/rule-complaint.ts';

/** A route that every proxy takes: calls of a rule that means nothing are answered with 500, and those of a redirect go nowhere. */
export function soundRoute(route: Route): Route {
  const rules = route.rules.map(soundRule);
  return rules.every((rule, at) => rule === route.rules[at]) ? route : { ...route, rules };
}

function soundRule(rule: Rule): Rule {
  const complaint = ruleComplaint(rule);
  if (complaint) {
    return { matches: rule.matches, filters: [], backends: [{ weight: 1, invalid: words(complaint), status: 500 }] };
  }
  return redirectOf(rule.filters) && rule.backends.length > 0 ? { ...rule, backends: [] } : rule;
}

function words({ field, message }: RuleComplaint): string {
  return `${field} of its route ${message}`;
}

/** What is wrong with the rules of a route resource. */
export function routeProblems({ origin, rules }: Route): readonly Problem[] {
  return rules.flatMap((rule, at) => {
    const complaint = ruleComplaint(rule);
    if (complaint === undefined) return [];
    const { field, ...rest } = complaint;
    const about = origin.is === 'resource' ? { about: [origin.ref] } : {};
    const resource = origin.is === 'resource' ? refWords(origin.ref) : origin.service;
    return [{ resource, ...about, field: `rules[${at}].${field}`, ...rest }];
  });
}
