import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { parseAllDocuments, stringify } from 'yaml';
import { z } from 'zod';
import { inject } from './inject.ts';
import { type Pod, podSchema } from './pod.ts';
import { defaultSettings } from './settings.ts';

const secrets = { drain: 'secret-of-this-pod', proxyUser: 1_234_567_890 };
const goldens = new URL('goldens/', import.meta.url);
const namespaceSchema = z.object({ metadata: z.object({ labels: z.record(z.string(), z.string()) }) });

function read(name: string): { pod: Pod; labels: Record<string, string> } {
  const [namespace, pod] = parseAllDocuments(readFileSync(new URL(`${name}/in.yaml`, goldens), 'utf8'));
  return { pod: podSchema.parse(pod?.toJS()), labels: namespaceSchema.parse(namespace?.toJS()).metadata.labels };
}

for (const name of readdirSync(goldens)) {
  test(`golden: ${name}`, (t) => {
    const { pod, labels } = read(name);
    const before = structuredClone(pod);
    const result = inject(pod, labels, defaultSettings, secrets);
    t.deepEqual(pod, before, 'what went in is not changed');
    const out = new URL(`${name}/out.yaml`, goldens);
    const text = stringify(result, { lineWidth: 0, aliasDuplicateObjects: false });
    if (process.env.UPDATE_GOLDENS) writeFileSync(out, text);
    t.is(text, readFileSync(out, 'utf8'));
    if ('refused' in result) return;
    t.like(inject(result.pod, labels, defaultSettings, { drain: 'another', proxyUser: 1 }), {
      pod: result.pod,
      changed: false,
    });
  });
}
