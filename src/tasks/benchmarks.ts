/**
 * The named benchmarks of `troupe eval`: the names of the data file, the task that verifies answers, and the
 * settings of the paper. The user provides the data; this module does not read or download any.
 * @see SAT (arXiv 2605.05216), experimental setup: temperature 0.8, top_p 1, at most 32,768 tokens, K by
 *   benchmark
 * @module
 */

export interface Benchmark {
  /** Description in one line. */
  readonly about: string;
  /** Number of items. */
  readonly items: number;
  /** Name of the task that reads the file and verifies answers (see `registry.ts`). */
  readonly task: string;
  /** Name of the task's option for the path of the file. Absent if the task needs no file. */
  readonly fileOption?: string;
  /** Other options of the task. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Names of the file relative to the data folder; the first existing one is used. */
  readonly files: readonly string[];
  /** Description of the file: its content and where to get it. */
  readonly source: string;
  /** Number of samples per prompt (K) in the paper. */
  readonly k: number;
  /** The paper's sampling. */
  readonly temperature: number;
  readonly maxTokens: number;
}

/** Sampling settings of the paper, which are the same for every benchmark. */
const PAPER = { temperature: 0.8, maxTokens: 32_768 } as const;

/** The prompt template of DeepScaleR, whose grader the paper uses. */
const BOXED = "{problem} Let's think step by step and output the final answer within \\boxed{}.";

const MATHS = {
  task: 'jsonl',
  fileOption: 'test_path',
  options: { prompt_field: 'problem', prompt_template: BOXED, verifier: 'math' },
} as const;

const aime = (year: number): Benchmark => ({
  ...PAPER,
  ...MATHS,
  about: `American Invitational Mathematics Examination ${year}, I and II; answers are integers`,
  items: 30,
  files: [`aime${year}.jsonl`, `aime/aime${year}.jsonl`],
  source: `JSON lines with "problem" and "answer": data/aime/aime_${year}_I and _II of github.com/eth-sri/matharena (commit 96440b2), one line per problem`,
  k: 64,
});

const planbench = (domain: string, items: number): Benchmark => ({
  ...PAPER,
  task: 'planbench',
  fileOption: 'path',
  options: {},
  about: `PlanBench plan generation, ${domain} in words: every plan that reaches the goal is correct`,
  items,
  files: [`planbench/${domain}_task_1_plan_generation.json`, `${domain}_task_1_plan_generation.json`],
  source: `plan-bench/prompts/${domain}/task_1_plan_generation.json of github.com/karthikv792/LLMs-Planning (MIT)`,
  k: 8,
});

export const BENCHMARKS = {
  aime2024: aime(2024),
  aime2025: aime(2025),
  math500: {
    ...PAPER,
    ...MATHS,
    options: { ...MATHS.options, difficulty_field: 'level' },
    about: 'MATH-500: 500 problems of the MATH test set, levels 1 to 5',
    items: 500,
    files: ['math500.jsonl', 'math500/test.jsonl'],
    source:
      'JSON lines with "problem", "answer" and "level": examples/simplelr_math_eval/data/math500/test.jsonl of github.com/hkust-nlp/simpleRL-reason',
    k: 4,
  },
  zebralogic: {
    ...PAPER,
    task: 'zebralogic',
    fileOption: 'path',
    options: {},
    about: 'ZebraLogic, grid mode: who lives where; all cells must be correct',
    items: 1000,
    files: ['zebralogic.jsonl', 'zebralogic/grid.jsonl', 'zebralogic/grid_463.jsonl'],
    source:
      'JSON lines with "puzzle", "size" and "solution": the grid puzzles of github.com/WildEval/ZeroEval, with solutions from the data set WildEval/ZebraLogic',
    k: 64,
  },
  autologi: {
    ...PAPER,
    task: 'autologi',
    fileOption: 'path',
    options: {},
    about: 'AutoLogi, English: puzzles with many correct answers, verified by code',
    items: 1575,
    files: ['autologi.jsonl', 'autologi/AutoLogi_en.jsonl'],
    source: 'testing-data/AutoLogi_en.jsonl of github.com/8188zq/AutoLogi (commit d67fda1; no licence named)',
    k: 8,
  },
  arbench_gn: {
    ...PAPER,
    task: 'arbench-gn',
    fileOption: 'path',
    options: {},
    about: 'AR-Bench GN: guess four digits in 25 rounds; a relay, router or vote plays it',
    items: 100,
    files: ['arbench/gn/test.json', 'gn/test.json'],
    source: 'data/gn/test.json of github.com/tmlr-group/AR-Bench (commit 9971322; no licence named)',
    k: 25,
  },
  planbench_blocksworld: planbench('blocksworld', 500),
  planbench_blocksworld_3: planbench('blocksworld_3', 100),
  planbench_logistics: planbench('logistics', 285),
  gsm8k: {
    ...PAPER,
    task: 'jsonl',
    fileOption: 'test_path',
    options: {
      prompt_field: 'question',
      prompt_template: BOXED.replace('{problem}', '{question}'),
      verifier: 'numeric',
    },
    about: "GSM8K test set: grade-school word problems (not one of the paper's; K as for MATH-500)",
    items: 1319,
    files: ['gsm8k.jsonl', 'gsm8k/test.jsonl'],
    source:
      'JSON lines with "question" and "answer": grade_school_math/data/test.jsonl of github.com/openai/grade-school-math',
    k: 4,
  },
} as const satisfies Readonly<Record<string, Benchmark>>;

export const benchmarkNames: readonly string[] = Object.keys(BENCHMARKS);

/** Returns the benchmark with this name; undefined if there is none. */
export function findBenchmark(name: string): Benchmark | undefined {
  return Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name as keyof typeof BENCHMARKS] : undefined;
}
