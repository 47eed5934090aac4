import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { templateShape } from '../model/http-template.ts';
import type { Method } from '../model/method.ts';
import type { Complaint } from './complaint.ts';

/**
 * REST paths of `methods`, which are of `services`, that another of them has, or one of `known`: whoever transcodes could not tell them
 * apart. Paths that only overlap are in order, since the most specific one answers.
 */
export function sharedPaths(
  known: readonly Method[],
  methods: readonly Method[],
  services: readonly DescService[],
): Complaint[] {
  const taken = new Map<string, Method>();
  const keys = (method: Method) => method.http.map(({ verb, template }) => `${verb} ${templateShape(template)}`);
  for (const method of known) for (const key of keys(method)) taken.set(key, method);
  const complaints: Complaint[] = [];
  const elements = new Map<string, DescMethod>(
    services.flatMap(({ typeName, methods }) =>
      methods.map((method) => [`/${typeName}/${method.name}`, method] as const),
    ),
  );
  const isKnown = new Set(known);
  for (const method of methods) {
    const element = elements.get(method.path);
    for (const [at, key] of keys(method).entries()) {
      const first = taken.get(key);
      const binding = method.http[at];
      if (first === undefined) taken.set(key, method);
      // Those of `methods` among themselves are told once, by whoever reads them as one contract.
      else if (element && binding && (known.length === 0 || isKnown.has(first))) {
        const { verb, template } = binding;
        complaints.push({ element, message: `(google.api.http) ${verb} ${template} is also ${first.path.slice(1)}'s` });
      }
    }
  }
  return complaints;
}
