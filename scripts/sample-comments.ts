/**
 * Prints a random sample of the comments in the source tree with their file and line, for a review of their
 * language. A reader who knows machine learning but not this project should understand each comment at first
 * reading.
 *
 * Usage: npm run sample-comments -- [--seed 1] [--count 60] [--all] [PATH...]   (--all: every comment, in
 * order)
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import ts from 'typescript';
import { randomStream } from '../src/core/rng.ts';

/**
 * Minimum number of characters of a sampled comment; shorter ones are, for example, shapes at the end of a
 * line.
 */
const SHORTEST = 25;

interface Comment {
  readonly place: string;
  readonly text: string;
}

const { values, positionals } = parseArgs({
  options: { seed: { type: 'string' }, count: { type: 'string' }, all: { type: 'boolean' } },
  allowPositionals: true,
});
const seed = Number(values.seed ?? 1);
const count = Number(values.count ?? 60);

const folders = positionals.length > 0 ? positionals : ['src', 'web', 'scripts', 'bench', 'test', 'python'];
const files = execFileSync('git', ['ls-files', ...folders], {
  encoding: 'utf8',
})
  .split('\n')
  .filter((name) => /\.(ts|tsx|py)$/.test(name));
const comments = files.flatMap((name) => commentsOf(name, readFileSync(name, 'utf8')));
const stream = randomStream(seed, 0);
if (values.all) for (const { place, text } of comments) console.log(`${place}\n${text}\n`);
else console.log(`${count} of ${comments.length} comments, seed ${seed}`);
for (let n = 0; n < count && !values.all && comments.length > 0; n++) {
  const [{ place, text }] = comments.splice(stream.int(comments.length), 1) as [Comment];
  console.log(`\n${n + 1}. ${place}\n${text}`);
}

function commentsOf(name: string, text: string): Comment[] {
  const found = name.endsWith('.py') ? pythonComments(text) : typescriptComments(name, text);
  return found
    .map(({ at, raw }) => ({
      place: `${name}:${text.slice(0, at).split('\n').length}`,
      text: raw
        .replace(/^\/\*\*?|\*\/$|^"""|"""$/g, '')
        .replace(/^\s*(\*|\/\/|#) ?/gm, '')
        .trim(),
    }))
    .filter((comment) => comment.text.length >= SHORTEST && !comment.text.startsWith('biome-ignore'));
}

interface Found {
  readonly at: number;
  readonly raw: string;
}

function typescriptComments(name: string, text: string): Found[] {
  const kind = name.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS;
  const source = ts.createSourceFile(name, text, ts.ScriptTarget.ES2023, true, kind);
  const ranges = new Map<number, number>();
  const visit = (node: ts.Node): void => {
    for (const range of [
      ...(ts.getLeadingCommentRanges(text, node.getFullStart()) ?? []),
      ...(ts.getTrailingCommentRanges(text, node.getEnd()) ?? []),
    ])
      ranges.set(range.pos, range.end);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return joinLines(
    [...ranges].sort((a, b) => a[0] - b[0]),
    text,
  );
}

/** Joins line comments on consecutive lines into one comment. */
function joinLines(ranges: readonly (readonly [number, number])[], text: string): Found[] {
  const joined: [number, number][] = [];
  for (const [from, to] of ranges) {
    const last = joined.at(-1);
    const isNext =
      last !== undefined && text.startsWith('//', from) && /^\n[ \t]*$/.test(text.slice(last[1], from));
    if (isNext) last[1] = to;
    else joined.push([from, to]);
  }
  return joined.map(([from, to]) => ({ at: from, raw: text.slice(from, to) }));
}

function pythonComments(text: string): Found[] {
  const pattern = /"""[\s\S]*?"""|(?:^|\n)[ \t]*#[^\n]*(?:\n[ \t]*#[^\n]*)*|[ \t]{2}# [^\n]*/g;
  return [...text.matchAll(pattern)].map((match) => ({ at: match.index, raw: match[0].trim() }));
}
