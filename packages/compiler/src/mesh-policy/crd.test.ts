import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { stringify } from 'yaml';
import { meshPolicyCrds } from './crd.ts';

const directory = join(import.meta.dirname, '../../../../charts/weft/crds');

for (const [kind, definition] of meshPolicyCrds()) {
  test(`the chart has the ${kind} of the code (UPDATE_GOLDENS=1 writes it)`, (t) => {
    const path = join(directory, `${kind.toLowerCase()}.yaml`);
    const text = stringify(definition, { aliasDuplicateObjects: false, lineWidth: 130 });
    if (process.env.UPDATE_GOLDENS) {
      mkdirSync(directory, { recursive: true });
      writeFileSync(path, text);
    }
    t.is(readFileSync(path, 'utf8'), text);
  });

  test(`${kind} is structural`, (t) => {
    const bad: string[] = [];
    const visit = (value: unknown, path: string): void => {
      if (typeof value !== 'object' || value === null) return;
      for (const [key, item] of Object.entries(value)) {
        // Keywords that a structural schema must not have, and numbers where OpenAPI v3.0 wants booleans.
        if (['$ref', '$schema', '$defs', 'additionalProperties', 'const', 'oneOf', 'definitions'].includes(key))
          bad.push(`${path}.${key}`);
        if (key.startsWith('exclusive') && typeof item !== 'boolean') bad.push(`${path}.${key}`);
        visit(item, `${path}.${key}`);
      }
      if ('properties' in value && !('type' in value)) bad.push(`${path} has no type`);
    };
    visit(definition, kind);
    t.deepEqual(bad, []);
  });
}
