/**
 * Checks the structure of `src`: which area imports which, which files a run loads, sizes of files and
 * functions, import cycles.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));
const ROOT = join(REPOSITORY, 'src');

interface SourceFile {
  /** Path relative to the folder that was read, with `/`. */
  readonly path: string;
  readonly text: string;
  /** Imported files of `src`, relative to `src`. Includes imports of types and dynamic imports. */
  readonly imports: readonly string[];
  /** Imported packages, including `node:` modules. */
  readonly packages: readonly string[];
}

const SOURCE = /\.(ts|tsx|mjs|js)$/;

/** Returns the source files below a folder, relative to the folder, without generated ones. */
function sourceFilesIn(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((name) => name.split(sep).join('/'))
    .filter((name) => SOURCE.test(name) && !/(^|\/)(built|node_modules)\//.test(name));
}

const files = sourceFilesIn(ROOT).map((path) => readSource(path));
/** Returns whether a file is a test or a helper of tests. These may import any area. */
const isTest = (path: string): boolean =>
  path.endsWith('.test.ts') || path.includes('/testing/') || path.startsWith('engine/contract');
const sources = files.filter(({ path }) => !isTest(path));
/** The entry files in package.json. They re-export public names from any area. */
const PUBLIC = ['index.ts', 'core/index.ts', 'engine/index.ts', 'grade/index.ts'];
const inside = sources.filter(({ path }) => !PUBLIC.includes(path));

function readSource(path: string, root = ROOT): SourceFile {
  const text = readFileSync(join(root, path), 'utf8');
  const named = ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
  const isLocal = (name: string): boolean => name.startsWith('.');
  return {
    path,
    text,
    imports: named.filter(isLocal).map((name) => resolveImport(path, name, root)),
    packages: named.filter((name) => !isLocal(name)).map(packageOf),
  };
}

/** Resolves a relative import to a path relative to `root`. */
function resolveImport(from: string, name: string, root = ROOT): string {
  return relative(root, resolve(root, dirname(from), name))
    .split(sep)
    .join('/');
}

function packageOf(name: string): string {
  if (name.startsWith('node:')) return name;
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Returns the area of a file, as named in MAY_IMPORT. */
function areaOf(path: string): string {
  const PORTS: Readonly<Record<string, string>> = {
    'engine/engine.ts': 'engine port',
    'engine/generation.ts': 'engine port',
    'engine/decode-batch.ts': 'engine port',
    'task/task.ts': 'task port',
    'train/events.ts': 'event types',
    'train/options.ts': 'event types',
    'train/store-port.ts': 'event types',
  };
  const [folder = '', inner = ''] = path.split('/');
  return PORTS[path] ?? (folder === 'engine' ? `engine/${inner}` : folder);
}

const PORTS = ['engine port', 'task port'];

const ALL_BELOW_APP = [
  'core',
  'support',
  'schema',
  ...PORTS,
  'event types',
  'engine/sampling',
  'engine/text',
  'engine/onnx',
  'engine/tabular',
  'engine/torch',
  'engine/ray',
  'gguf',
  'grade',
  'task',
  'tasks',
  'team',
  'train',
  'evaluate',
  'theory',
  'swap',
  'store',
  'run-view',
  'report',
  'observe',
  'config',
  'hub',
  'export',
  'plan',
  'watch',
  'serve',
];

/** The areas that each area may import, besides itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  support: [],
  gguf: ['support'],
  'engine port': ['core', 'support'],
  'task port': ['core'],
  schema: ['support'],
  'event types': [],
  'engine/sampling': ['core', 'support', 'engine port'],
  'engine/text': ['core', 'support', 'gguf', 'engine port'],
  'engine/onnx': ['core', 'support', 'gguf', 'engine port', 'engine/sampling', 'engine/text'],
  'engine/tabular': ['core', 'support', 'engine port', 'engine/sampling', 'engine/text'],
  'engine/torch': ['core', 'support', 'gguf', 'engine port', 'engine/sampling'],
  'engine/ray': ['core', 'support', 'engine port', 'engine/torch'],
  grade: ['core', 'support', 'task port'],
  task: ['core', 'support', 'schema', 'task port'],
  tasks: ['core', 'support', 'schema', 'task port', 'task', 'grade'],
  team: ['core', 'support', ...PORTS],
  train: ['core', 'support', ...PORTS, 'team', 'event types'],
  evaluate: ['core', 'support', ...PORTS, 'team', 'event types', 'run-view'],
  theory: ['core', 'support', ...PORTS, 'team', 'train', 'event types'],
  swap: ['core', 'support', ...PORTS, 'engine/sampling', 'team', 'train', 'evaluate', 'event types'],
  store: ['support', 'event types'],
  'run-view': ['core', 'event types'],
  report: ['core', 'support', 'task port', 'event types', 'run-view', 'task', 'evaluate', 'swap', 'plan'],
  observe: ['event types', 'run-view', 'report'],
  config: ['support', 'schema', 'event types'],
  hub: ['support'],
  export: ['support', 'gguf'],
  plan: ['core', 'support', ...PORTS, 'team'],
  watch: ['core', 'support', 'event types', 'store', 'observe', 'config', 'evaluate', 'run-view', 'report'],
  serve: ['core', 'support', 'schema', ...PORTS, 'team', 'config', 'event types', 'watch'],
  app: ALL_BELOW_APP,
  // task: for the names of splits; core: for the class of internal errors; serve: for the key file and the
  // log levels
  cli: ['app', 'report', 'observe', 'config', 'support', 'event types', 'task port', 'task', 'core', 'serve'],
};

/**
 * The folders that may import each package. zod checks files, options and requests, so several folders import
 * it.
 */
const HOME_OF: Readonly<Record<string, string | readonly string[]>> = {
  zod: ['schema/', 'config/', 'serve/', 'task/', 'tasks/'],
  yaml: 'config/',
  commander: 'cli/',
  'decimal.js': 'grade/math/',
  'log-update': 'observe/',
  'onnxruntime-common': 'engine/onnx/',
  'onnx-buf': 'engine/onnx/',
  '@bufbuild/protobuf': 'engine/onnx/',
  tokenizers: 'engine/text/',
  '@huggingface/jinja': 'engine/text/',
  '@huggingface/hub': 'hub/',
  '@swc/wasm-typescript': 'support/',
  hono: 'serve/',
  '@hono/node-server': 'serve/',
  'prom-client': 'serve/',
  pino: 'serve/',
  'eventsource-parser': 'serve/',
};

const isEngineOrTask = (path: string): boolean =>
  /^engine\/(onnx|tabular|torch|ray)\//.test(path) || /^tasks\/[^/]+\//.test(path);
const isSink = (path: string): boolean => /^observe\/[^/]*-sink\.ts$/.test(path);

/** Returns whether a file is one of the modules of `src/app` that choose engines and tasks. */
const isComposer = (path: string): boolean => /^app\/compose(\.ts$|\/)/.test(path);

describe('imports', () => {
  it('follow the table', () => {
    const wrong = inside.flatMap(({ path, imports }) => {
      const area = areaOf(path);
      const allowed = [area, ...(MAY_IMPORT[area] ?? [])];
      return imports.filter((to) => !allowed.includes(areaOf(to))).map((to) => `${path} -> ${to}`);
    });
    expect(wrong).toEqual([]);
  });

  it('of engines and tasks are values in app/compose alone, of sinks in cli/training-output.ts', () => {
    const wrong = sources
      .filter(({ path }) => /^(app|cli)\//.test(path))
      .flatMap(({ path, text }) =>
        valueImports(path, text)
          .filter(
            (to) =>
              (isEngineOrTask(to) && !isComposer(path)) || (isSink(to) && path !== 'cli/training-output.ts'),
          )
          .map((to) => `${path} -> ${to}`),
      );
    expect(wrong).toEqual([]);
  });

  it('of a package come from one folder', () => {
    const wrong = sources.flatMap(({ path, packages }) =>
      packages
        .filter(
          (name) =>
            !name.startsWith('node:') &&
            ![HOME_OF[name] ?? 'nowhere'].flat().some((home) => path.startsWith(home)),
        )
        .map((name) => `${path} -> ${name}`),
    );
    expect(wrong).toEqual([]);
    const used = new Set(sources.flatMap(({ packages }) => packages));
    expect(Object.keys(HOME_OF).filter((name) => !used.has(name))).toEqual([]);
  });

  it('keep the core, the ports, teams and evaluation free of packages and of Node', () => {
    const pure = ['core/', 'engine/engine.ts', 'engine/generation.ts', 'task/task.ts', 'team/', 'evaluate/'];
    const wrong = sources
      .filter(({ path, packages }) => pure.some((part) => path.startsWith(part)) && packages.length > 0)
      .map(({ path, packages }) => `${path} -> ${packages.join(', ')}`);
    expect(wrong).toEqual([]);
  });

  it('name files that exist, and run in no circle, in any folder', () => {
    const folders = ['src', 'web', 'scripts', 'bench', 'conformance', 'test', 'templates', 'examples', 'bin'];
    const all = folders.flatMap((folder) =>
      sourceFilesIn(join(REPOSITORY, folder)).map((path) => readSource(`${folder}/${path}`, REPOSITORY)),
    );
    expect(new Set(all.map(({ path }) => path.split('/')[0])).size).toBe(folders.length);
    const byPath = new Map(all.map((file) => [file.path, file]));
    const state = new Map<string, 'open' | 'done'>();
    const visit = (path: string, trail: readonly string[]): void => {
      if (state.get(path) === 'done') return;
      expect(state.get(path), [...trail, path].join(' -> ')).toBeUndefined();
      state.set(path, 'open');
      const file = byPath.get(path);
      expect(file, `${path}, imported by ${trail.at(-1)}`).toBeDefined();
      // dist/ is built from src
      for (const to of file?.imports.filter((name) => SOURCE.test(name) && !name.startsWith('dist/')) ?? [])
        visit(to, [...trail, path]);
      state.set(path, 'done');
    };
    for (const { path } of all) visit(path, []);
  });
});

/**
 * Returns the files from which a file imports values. Dynamic imports are included only if `dynamic` is true.
 */
function valueImports(path: string, text: string, { dynamic = true } = {}): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const name = importedName(node, dynamic);
    if (name?.startsWith('.')) found.push(resolveImport(path, name));
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true));
  return found;
}

function importedName(node: ts.Node, dynamic: boolean): string | undefined {
  if (ts.isImportDeclaration(node) && !isTypeImport(node.importClause))
    return (node.moduleSpecifier as ts.StringLiteral).text;
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined && !isTypeExport(node))
    return (node.moduleSpecifier as ts.StringLiteral).text;
  if (dynamic && ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [name] = node.arguments;
    return name !== undefined && ts.isStringLiteral(name) ? name.text : undefined;
  }
  return undefined;
}

function isTypeImport(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined || clause.name !== undefined) return false;
  const { phaseModifier, namedBindings } = clause;
  if (phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  return (
    namedBindings !== undefined &&
    ts.isNamedImports(namedBindings) &&
    namedBindings.elements.every(({ isTypeOnly }) => isTypeOnly)
  );
}

function isTypeExport({ isTypeOnly, exportClause }: ts.ExportDeclaration): boolean {
  if (isTypeOnly) return true;
  return (
    exportClause !== undefined &&
    ts.isNamedExports(exportClause) &&
    exportClause.elements.every((element) => element.isTypeOnly)
  );
}

/** Returns the files that Node loads for the entry files, following static imports. */
function loadedFiles(entries: readonly string[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const seen = new Set<string>();
  const open = [...entries];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    const text = byPath.get(path)?.text;
    expect(text, path).toBeDefined();
    open.push(...valueImports(path, text ?? '', { dynamic: false }));
  }
  return [...seen];
}

describe('a training of arithmetic with the embedded engine', () => {
  /** The command's entry file and the files that the run imports dynamically, in the order of loading. */
  const CHUNKS = [
    'cli/main.ts',
    'cli/commands/train.ts',
    'observe/terminal-sink.ts',
    'tasks/arithmetic/arithmetic.ts',
    'engine/onnx/engine.ts',
    'app/training-report.ts',
    'report/summary.ts',
  ];
  const loaded = loadedFiles(CHUNKS);

  it('loads no other engine, task, grader, server or hub client', () => {
    const foreign =
      /^(grade\/(math|python)|engine\/(torch|ray|tabular)|serve|watch|hub|theory|export|plan|tasks\/(?!arithmetic\/|shared\/)[^/]+)\//;
    expect(loaded.filter((path) => foreign.test(path))).toEqual([]);
  });

  // about 20 files read GGUF: checkpoints are read synchronously, so their readers cannot be imported on demand
  it('loads at most 296 files, at most 172 of them before the engine', () => {
    expect(loaded.length).toBeLessThanOrEqual(296);
    expect(loadedFiles(['cli/main.ts', 'cli/commands/train.ts']).length).toBeLessThanOrEqual(172);
  });
});

describe('the library', () => {
  it('loads no engine, server or grader when it is imported', () => {
    const foreign =
      /^(engine\/(onnx\/(engine\.ts|model\.ts|graph\/(?!load)|decode\/|score\/)|torch\/|ray\/|tabular\/)|grade\/(math|python)\/|serve\/(http|team|agent)\/|tasks\/[^/]+\/)/;
    expect(loadedFiles(['index.ts']).filter((path) => foreign.test(path))).toEqual([]);
  });
});

describe('use cases', () => {
  it('read no command line, write to no terminal, handle no signal and end no process', () => {
    const forbidden = /\bprocess\.(stdin|stdout|stderr|argv|exit|exitCode|on|once|off)\b|\bconsole\./;
    const wrong = sources
      .filter(({ path, text }) => path.startsWith('app/') && forbidden.test(text))
      .map(({ path }) => path);
    expect(wrong).toEqual([]);
  });

  it('read environment variables in app/use-case.ts alone', () => {
    const readers = sources
      .filter(({ path, text }) => path.startsWith('app/') && /\bprocess\.env\b/.test(text))
      .map(({ path }) => path);
    expect(readers).toEqual(['app/use-case.ts']);
  });
});

/** Functions that may have more than 4 parameters, because their parameters are parts of one value. */
const MANY_PARAMETERS = new Set(['core/rng.ts threefry2x32', 'engine/onnx/graph/ops.ts embedding']);

describe('sizes and headers', () => {
  it('of source files stay under 500 lines, of tests under 800', () => {
    const tooLong = files
      .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
      .filter(({ path, lines }) => lines > (isTest(path) ? 800 : 500));
    expect(tooLong).toEqual([]);
  });

  it('of functions stay under 100 lines and 4 parameters', () => {
    const tooBig = sources.flatMap(({ path, text }) => {
      const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
      const found: string[] = [];
      const visit = (node: ts.Node): void => {
        if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) {
          const lineOf = (position: number): number => tree.getLineAndCharacterOfPosition(position).line + 1;
          const first = lineOf(node.getStart(tree));
          if (lineOf(node.getEnd()) - first >= 100) found.push(`${path}:${first}: too long`);
          if (node.parameters.length > 4 && !MANY_PARAMETERS.has(`${path} ${nameOf(node)}`))
            found.push(`${path}:${first}: too many parameters`);
        }
        ts.forEachChild(node, visit);
      };
      visit(tree);
      return found;
    });
    expect(tooBig).toEqual([]);
  });

  it('of every source file include a header with @module', () => {
    const headless = sources
      .filter(({ text }) => !/^\/\*\*[\s\S]*?@module/.test(text))
      .map(({ path }) => path);
    expect(headless).toEqual([]);
  });
});

function nameOf(node: ts.Node): string {
  return 'name' in node && node.name !== undefined ? (node.name as ts.Node).getText() : '';
}

describe('these checks', () => {
  it('recognize areas, packages, engines, tasks and sinks', () => {
    expect(areaOf('engine/onnx/decoder/layers.ts')).toBe('engine/onnx');
    expect(MAY_IMPORT[areaOf('tasks/countdown/countdown.ts')]).not.toContain(areaOf('engine/onnx/engine.ts'));
    expect(MAY_IMPORT[areaOf('train/stage.ts')]).not.toContain(areaOf('tasks/registry.ts'));
    expect(['tasks/jsonl/jsonl.ts', 'engine/ray/front.ts'].every(isEngineOrTask)).toBe(true);
    expect(['tasks/registry.ts', 'task/task.ts', 'engine/engine.ts'].some(isEngineOrTask)).toBe(false);
    expect(isSink('observe/terminal-sink.ts')).toBe(true);
    expect(packageOf('@huggingface/jinja/x')).toBe('@huggingface/jinja');
    expect(packageOf('tsx/esm/api')).toBe('tsx');
    expect(sources.length).toBeGreaterThan(80);
  });

  it('distinguish imports of values from imports of types', () => {
    const text = `
      import { a } from './a.ts';
      import type { B } from './b.ts';
      import { type C } from './c.ts';
      export { type D, e } from './e.ts';
      export type { F } from './f.ts';
      const g = () => import('./g.ts');`;
    expect(valueImports('x/y.ts', text)).toEqual(['x/a.ts', 'x/e.ts', 'x/g.ts']);
    expect(valueImports('x/y.ts', text, { dynamic: false })).toEqual(['x/a.ts', 'x/e.ts']);
  });
});
