import type { Import, Source, Workspace } from './import-graph.ts';
import {
  exceptions,
  impure,
  isContract,
  isTest,
  packages,
  pure,
  pureNode,
  stages,
  startedOnly,
} from './import-rules.ts';

/** Every import of these files that breaks a rule, as a line: file, import, rule. */
export function brokenRules(workspaces: readonly Workspace[], sources: readonly Source[]): readonly string[] {
  return [
    ...sources.flatMap((source) => [...brokenImports(workspaces, source), ...impurities(source)]),
    ...workspaces.flatMap((workspace) => undeclared(workspace, workspaces, sources)),
  ];
}

function brokenImports(workspaces: readonly Workspace[], { path, imports }: Source): readonly string[] {
  const own = ownerOf(path, workspaces);
  return imports.flatMap((each) => {
    if (`${path} ${each.specifier}` in exceptions) return [];
    const rule = own && each.target !== undefined ? brokenBy(path, own, each, each.target, workspaces) : undefined;
    return rule === undefined ? [] : [line(path, each, rule)];
  });
}

function brokenBy(
  path: string,
  own: Workspace,
  { specifier }: Import,
  target: string,
  workspaces: readonly Workspace[],
): string | undefined {
  const other = ownerOf(target, workspaces);
  if (other === own) return specifier.startsWith('.') && !isTest(path) ? betweenStages(path, target, own) : undefined;
  if (specifier.startsWith('.')) return 'what is outside a package is imported by the name of its package';
  if (other === undefined) return undefined;
  if (other.directory.startsWith('services/')) {
    return own.directory.startsWith('services/')
      ? 'a service never imports another service'
      : 'a package never imports a service';
  }
  if (isContract(other.directory)) {
    if (!own.directory.startsWith('packages/') || isTest(path)) return undefined;
    return 'a package knows no contract, except its tests and fixtures';
  }
  if (!packages[own.name]?.includes(other.name)) {
    return `${own.name} may import ${listed(packages[own.name])} (scripts/import-rules.ts, packages)`;
  }
  return undefined;
}

function betweenStages(path: string, target: string, { directory }: Workspace): string | undefined {
  const table = stages[directory];
  const inside = `${directory}/src/`;
  if (table === undefined || !path.startsWith(inside) || !target.startsWith(inside)) return undefined;
  const from = stageOf(path.slice(inside.length));
  const file = target.slice(inside.length);
  const to = stageOf(file);
  if (isTest(target)) return 'what is for tests is imported by tests only';
  const row = table[from];
  if (row === undefined) return `the stage ${from} has no row in scripts/import-rules.ts`;
  if (from === to || row.some((may) => may === '*' || may === to || may === file)) return undefined;
  return `data flows one way: ${from} may import ${listed(row)} (scripts/import-rules.ts, stages)`;
}

/** The folder of a file in `src`. */
function stageOf(file: string): string {
  const slash = file.indexOf('/');
  return slash < 0 ? '(root)' : file.slice(0, slash);
}

function impurities({ path, code, imports }: Source): readonly string[] {
  const entry = Object.entries(pure).find(([directory]) => path.startsWith(`${directory}/`));
  if (entry === undefined || isTest(path)) return [];
  const [directory, modules] = entry;
  const rule = `${directory} has no I/O, no clock and no process`;
  const broken = imports.flatMap((each) => {
    if (each.module === undefined || modules.includes(each.module)) return [];
    const allowed = pureNode[each.module];
    return allowed && each.names?.every((name) => allowed.includes(name)) ? [] : [line(path, each, rule)];
  });
  const uses = code.split('\n').flatMap((text, index) => {
    const found = impure.exec(text);
    return found ? [`${path}:${index + 1} uses ${found[0]}: ${rule}`] : [];
  });
  return [...broken, ...uses];
}

/** What a package imports and does not declare, and the workspace packages that it declares and does not import. */
function undeclared(own: Workspace, workspaces: readonly Workspace[], sources: readonly Source[]): readonly string[] {
  const mine = sources.filter(({ path }) => ownerOf(path, workspaces) === own);
  const used = new Map<string, { readonly path: string; readonly each: Import; readonly byCode: boolean }>();
  for (const { path, imports } of mine) {
    for (const each of imports) {
      const name = each.target === undefined ? each.module : ownerOf(each.target, workspaces)?.name;
      if (name === undefined || name === own.name || name.startsWith('node:')) continue;
      const byCode = !isTest(path);
      if (!used.has(name) || (byCode && !used.get(name)?.byCode)) used.set(name, { path, each, byCode });
    }
  }
  const missing = [...used].flatMap(([name, { path, each, byCode }]) => {
    if (`${path} ${each.specifier}` in exceptions) return [];
    if (own.dependencies.includes(name) || own.peerDependencies.includes(name)) return [];
    // The root's own development tools are there for every test.
    if (!byCode && (own.devDependencies.includes(name) || !workspaces.some((other) => other.name === name))) return [];
    const where = byCode ? 'dependencies' : 'devDependencies';
    return [line(path, each, `${own.directory}/package.json does not declare it under ${where}`)];
  });
  // The code of a contract is not read here: what it declares follows from its .proto files.
  const declared = isContract(own.directory) ? [] : [...own.dependencies, ...own.devDependencies];
  const idle = declared.flatMap((name) => {
    if (!workspaces.some((other) => other.name === name) || startedOnly[own.name] === name) return [];
    const use = used.get(name);
    const mayBeOfTests = own.devDependencies.includes(name);
    if (use?.byCode || (use && mayBeOfTests)) return [];
    // What a package that it imports wants beside itself.
    if (workspaces.some((other) => used.has(other.name) && other.peerDependencies.includes(name))) return [];
    return [
      `${own.directory}/package.json declares ${name}: ${use ? 'only its tests import it' : 'it does not import it'}`,
    ];
  });
  return [...missing, ...new Set(idle)];
}

function ownerOf(path: string, workspaces: readonly Workspace[]): Workspace | undefined {
  return workspaces.find(({ directory }) => path === directory || path.startsWith(`${directory}/`));
}

function line(path: string, { line: at, specifier }: Import, rule: string): string {
  return `${path}:${at} imports ${specifier}: ${rule}`;
}

function listed(names: readonly string[] | undefined): string {
  return names === undefined || names.length === 0 ? 'nothing' : names.join(', ');
}
