import {
  type Annotation,
  type Rule,
  readCheckRequest,
  readRequest,
  writeCategories,
  writeCheckResponse,
  writeResponse,
  writeRules,
  writeSpec,
} from './messages.ts';

const service = '/buf.plugin.check.v1.CheckService';

/** The rules, by id. */
const rules: readonly Rule[] = [
  {
    id: 'WEFT_POLICY',
    purpose: 'Checks that the weft.policy.v1 options do not contradict each other.',
  },
  {
    id: 'WEFT_CALLERS',
    purpose: 'Checks that every caller has a contract. Requires the option closed.',
  },
  {
    id: 'WEFT_CALL_GRAPH',
    purpose: 'Checks deadlines, retries and cycles along the calls that contracts permit.',
  },
];

const category = { id: 'WEFT', purpose: 'The call policies of contracts.' };

/**
 * Answers buf as a check plugin: maps the arguments and stdin of one run to its stdout.
 *
 * Implements protocol 1 of pluginrpc (https://github.com/pluginrpc/pluginrpc) in its binary format, and buf.plugin.check.v1. Rejects
 * unknown requests; the process then exits with a code, as the protocol requires.
 */
export async function plugin(args: readonly string[], stdin: Uint8Array): Promise<Uint8Array | string> {
  if (args.includes('--protocol')) return '1\n';
  const format = args.includes('--format') ? args[args.indexOf('--format') + 1] : 'binary';
  if (format !== 'binary') throw new Error(`--format ${format} is not supported; use binary`);
  if (args.includes('--spec')) {
    return writeSpec(['Check', 'ListRules', 'ListCategories'].map((method) => `${service}/${method}`));
  }
  switch (args[0]) {
    case `${service}/ListRules`:
      return writeResponse('buf.plugin.check.v1.ListRulesResponse', writeRules(rules, category.id));
    case `${service}/ListCategories`:
      return writeResponse('buf.plugin.check.v1.ListCategoriesResponse', writeCategories([category]));
    case `${service}/Check`:
      return writeResponse('buf.plugin.check.v1.CheckResponse', writeCheckResponse(await check(stdin)));
    default:
      throw new Error(`there is no procedure ${args.join(' ') || '(none)'}`);
  }
}

async function check(stdin: Uint8Array): Promise<Annotation[]> {
  const { descriptorSet, imports, options, ruleIds } = readCheckRequest(readRequest(stdin));
  const { lintFindings, lintRules } = await import('@weft/compiler');
  const { problemWords } = await import('@weft/compiler/model/problem');
  const known = options.get('known_services') ?? [];
  const findings = lintFindings(descriptorSet, {
    graph: true,
    closed: options.get('closed')?.[0] === true,
    knownServices: known.filter((name) => typeof name === 'string'),
  });
  return findings
    .map((finding) => ({ ...finding, ruleId: lintRules[finding.rule] }))
    .filter(({ file, ruleId }) => !imports.has(file) && (ruleIds.length === 0 || ruleIds.includes(ruleId)))
    .map(({ ruleId, file, sourcePath, message, advice }) => ({
      ruleId,
      message: problemWords({ message, ...(advice ? { advice } : {}) }),
      file,
      sourcePath,
    }));
}
