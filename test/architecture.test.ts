/** The layout of the project: which area of `src` imports which, import circles, and sizes of files. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));
const ROOT = join(REPOSITORY, 'src');

interface SourceFile {
  /** Relative to the folder that was read, with `/`. */
  readonly path: string;
  readonly text: string;
  /** Files it imports, relative to the same folder. */
  readonly imports: readonly string[];
  /** Packages it imports, `node:` ones included. */
  readonly packages: readonly string[];
}

const SOURCE = /\.(ts|tsx|mjs|js)$/;

/** Source files below a folder, relative to it, without built ones. */
function sourceFilesIn(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((name) => name.split(sep).join('/'))
    .filter((name) => SOURCE.test(name) && !/(^|\/)(built|node_modules)\//.test(name));
}

const files = sourceFilesIn(ROOT).map((path) => readSource(path));
/** Tests and what only tests use may reach further. */
const isTest = (path: string): boolean =>
  path.endsWith('.test.ts') || path.includes('/testing/') || path.startsWith('engine/contract');
const sources = files.filter(({ path }) => !isTest(path));
/** The exports of package.json: lists of what is public, from any area. */
const PUBLIC = ['index.ts', 'core/index.ts', 'engine/index.ts', 'grade/index.ts'];
const inside = sources.filter(({ path }) => !PUBLIC.includes(path));

function readSource(path: string, root = ROOT): SourceFile {
  const text = readFileSync(join(root, path), 'utf8');
  const named = ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
  const isLocal = (name: string): boolean => name.startsWith('.');
  return {
    path,
    text,
    imports: named.filter(isLocal).map((name) =>
      relative(root, resolve(root, dirname(path), name))
        .split(sep)
        .join('/'),
    ),
    packages: named.filter((name) => !isLocal(name)).map(packageOf),
  };
}

function packageOf(name: string): string {
  if (name.startsWith('node:')) return name;
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
}

/** The area of a file, as the import table names it. */
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
  ...PORTS,
  'event types',
  'engine/sampling',
  'engine/text',
  'engine/onnx',
  'engine/tabular',
  'engine/torch',
  'engine/ray',
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

/** Which areas an area may import; every area may import itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  support: [],
  'engine port': ['core', 'support'],
  'task port': ['core'],
  'event types': [],
  'engine/sampling': ['core', 'support', 'engine port'],
  'engine/text': ['core', 'support', 'engine port'],
  'engine/onnx': ['core', 'support', 'engine port', 'engine/sampling', 'engine/text'],
  'engine/tabular': ['core', 'support', 'engine port', 'engine/sampling', 'engine/text'],
  'engine/torch': ['core', 'support', 'engine port', 'engine/sampling'],
  'engine/ray': ['core', 'support', 'engine port', 'engine/torch'],
  grade: ['core', 'support', 'task port'],
  task: ['core', 'support', 'task port'],
  tasks: ['core', 'support', 'task port', 'task', 'grade'],
  team: ['core', 'support', ...PORTS],
  train: ['core', 'support', ...PORTS, 'team', 'event types'],
  evaluate: ['core', 'support', ...PORTS, 'team', 'event types', 'run-view'],
  theory: ['core', 'support', ...PORTS, 'team', 'train', 'event types'],
  swap: ['core', 'support', ...PORTS, 'engine/sampling', 'team', 'train', 'evaluate', 'event types'],
  store: ['support', 'event types'],
  'run-view': ['core', 'event types'],
  report: [
    'core',
    'support',
    ...PORTS,
    'event types',
    'run-view',
    'evaluate',
    'swap',
    'task',
    'tasks',
    'config',
    'app',
  ],
  observe: ['support', 'event types', 'run-view', 'report'],
  config: ['support', 'event types'],
  hub: ['support'],
  export: ['support', 'event types'],
  plan: ['core', 'support', ...PORTS, 'team'],
  watch: ['core', 'support', 'event types', 'store', 'observe', 'config', 'evaluate', 'run-view', 'report'],
  serve: ['core', 'support', ...PORTS, 'team', 'config', 'event types', 'watch'],
  app: ALL_BELOW_APP,
  cli: [...ALL_BELOW_APP, 'app'],
};

/** The one folder that may import a package; schemas describe files and requests alike. */
const HOME_OF: Readonly<Record<string, string | readonly string[]>> = {
  zod: ['config/', 'serve/'],
  yaml: 'config/',
  commander: 'cli/',
  'decimal.js': 'grade/math/',
  'log-update': 'observe/',
  'onnxruntime-common': 'engine/onnx/',
  'onnx-buf': 'engine/onnx/',
  '@bufbuild/protobuf': 'engine/onnx/',
  '@huggingface/tokenizers': 'engine/text/',
  '@huggingface/jinja': 'engine/text/',
  '@huggingface/hub': 'hub/',
  '@swc/wasm-typescript': 'support/',
  hono: 'serve/',
  '@hono/node-server': 'serve/',
  'prom-client': 'serve/',
  pino: 'serve/',
  'eventsource-parser': 'serve/',
};

/** Concrete engines, tasks and sinks: named by `app/compose.ts` and its parts alone. */
const isConcrete = (path: string): boolean =>
  /^engine\/(onnx|tabular|torch|ray)\//.test(path) ||
  /^tasks\/(registry\.ts$|(?!shared\/)[^/]+\/)/.test(path) ||
  /^observe\/[^/]*-sink\.ts$/.test(path);

describe('imports', () => {
  it('follow the table', () => {
    const wrong = inside.flatMap(({ path, imports }) => {
      const area = areaOf(path);
      const allowed = [area, ...(MAY_IMPORT[area] ?? [])];
      return imports.filter((to) => !allowed.includes(areaOf(to))).map((to) => `${path} -> ${to}`);
    });
    expect(wrong).toEqual([]);
  });

  it('name concrete engines, tasks and sinks in app/compose.ts alone', () => {
    const wrong = sources
      .filter(({ path }) => /^(app|cli|report)\//.test(path) && !/^app\/compose(-\w+)?\.ts$/.test(path))
      .flatMap(({ path, imports }) => imports.filter(isConcrete).map((to) => `${path} -> ${to}`));
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
    const folders = ['src', 'web', 'scripts', 'bench', 'conformance', 'test', 'templates', 'bin'];
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

/** Functions whose parameters are the words of one thing. */
const MANY_WORDS = new Set(['core/rng.ts threefry2x32', 'engine/onnx/graph/ops.ts embedding']);

describe('sizes', () => {
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
          if (node.parameters.length > 4 && !MANY_WORDS.has(`${path} ${nameOf(node)}`))
            found.push(`${path}:${first}: too many parameters`);
        }
        ts.forEachChild(node, visit);
      };
      visit(tree);
      return found;
    });
    expect(tooBig).toEqual([]);
  });

  it('every source file opens by saying what it is', () => {
    const silent = sources.filter(({ text }) => !/^\/\*\*[\s\S]*?@module/.test(text)).map(({ path }) => path);
    expect(silent).toEqual([]);
  });
});

function nameOf(node: ts.Node): string {
  return 'name' in node && node.name !== undefined ? (node.name as ts.Node).getText() : '';
}

it('sees violations: an import of each kind that is not allowed', () => {
  expect(areaOf('engine/onnx/decoder/layers.ts')).toBe('engine/onnx');
  expect(MAY_IMPORT[areaOf('tasks/countdown/countdown.ts')]).not.toContain(areaOf('engine/onnx/engine.ts'));
  expect(MAY_IMPORT[areaOf('train/stage.ts')]).not.toContain(areaOf('tasks/registry.ts'));
  expect(['tasks/registry.ts', 'tasks/jsonl/jsonl.ts', 'observe/terminal-sink.ts'].every(isConcrete)).toBe(
    true,
  );
  expect(['task/split.ts', 'task/task.ts', 'engine/engine.ts', 'report/summary.ts'].some(isConcrete)).toBe(
    false,
  );
  expect(packageOf('@huggingface/jinja/x')).toBe('@huggingface/jinja');
  expect(packageOf('hono/streaming')).toBe('hono');
  expect(sources.length).toBeGreaterThan(80);
});
