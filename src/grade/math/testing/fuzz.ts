/**
 * Generates adversarial texts for the fuzz test and `scripts/fuzz-verifier.ts`: random LaTeX, deep nesting,
 * megabytes of text, broken Unicode.
 * @module
 */
import type { RandomStream } from '../../../core/rng.ts';

/** Draws a text. The same stream gives the same text. */
export function fuzzedText(stream: RandomStream): string {
  const make = pick(stream, [
    soup,
    soup,
    expression,
    expression,
    boxed,
    nested,
    repeated,
    unicode,
    bomb,
    mutated,
  ]);
  return make(stream);
}

const PIECES = (
  '\\frac \\dfrac \\sqrt \\sqrt[3] { } {} [ ] ( ) \\left( \\right) \\left[ \\right] \\{ \\} | ^ _ ^2 ^{ _{ + - * / = < > ' +
  '\\le \\ge \\ne \\in \\cup \\cap \\setminus , ; : . .. ... ! % \\% $ $$ \\$ \\( \\) \\[ \\] & \\\\ ~ \\, \\! \\quad ' +
  'x y n i e \\pi \\theta \\alpha \\infty 0 1 2 10 007 3.14 .5 1,234 99999999999999999999 \\pm \\mp \\cdot \\times ' +
  '\\sin \\cos \\log \\log_2 \\ln \\sum_{i=1}^{n} \\prod \\int_0^1 \\lim \\binom \\lfloor \\rfloor \\text{ \\text{cm} ' +
  '\\mathrm{ \\boxed{ \\boxed \\begin{pmatrix} \\end{pmatrix} \\begin{cases} \\end{cases} \\begin \\end \\overline ' +
  '\\circ ^\\circ \\mathbb{R} \\mod \\pmod{5} and or the answer is #### Answer: </think> \\ \u0000 \n ° √ ² ½ ≤ ∞ π'
).split(' ');

function pick<T>(stream: RandomStream, items: readonly T[]): T {
  return items[stream.int(items.length)] as T;
}

function soup(stream: RandomStream): string {
  const length = 1 + stream.int(stream.uniform() < 0.1 ? 800 : 40);
  return Array.from({ length }, () => pick(stream, PIECES)).join(stream.uniform() < 0.5 ? '' : ' ');
}

/** Draws a well-formed expression. */
function expression(stream: RandomStream, depth: number = stream.int(7)): string {
  if (depth === 0)
    return pick(stream, ['x', 'y', 'n', '2', '-3', '10', '0', '0.5', '\\pi', 'e', 'i', '\\sqrt{2}', '100!']);
  const a = (): string => expression(stream, Math.max(0, depth - 1 - stream.int(2)));
  switch (stream.int(14)) {
    case 0:
      return `${a()}+${a()}`;
    case 1:
      return `${a()}-(${a()})`;
    case 2:
      return `${a()}\\cdot ${a()}`;
    case 3:
      return `\\frac{${a()}}{${a()}}`;
    case 4:
      return `\\left(${a()}\\right)^{${a()}}`;
    case 5:
      return `\\sqrt{${a()}}`;
    case 6:
      return `\\sqrt[${1 + stream.int(9)}]{${a()}}`;
    case 7:
      return `\\${pick(stream, ['sin', 'cos', 'tan', 'ln', 'log', 'arctan'])}(${a()})`;
    case 8:
      return `(${a()}, ${a()})`;
    case 9:
      return `\\{${a()}, ${a()}, ${a()}\\}`;
    case 10:
      return `[${a()}, ${a()}) \\cup (${a()}, \\infty)`;
    case 11:
      return `\\begin{pmatrix} ${a()} & ${a()} \\\\ ${a()} & ${a()} \\end{pmatrix}`;
    case 12:
      return `${a()} ${pick(stream, ['=', '<', '\\le', '\\ne', '\\in'])} ${a()}`;
    default:
      return `\\sum_{k=${stream.int(5)}}^{${stream.int(400)}} ${a()}`;
  }
}

function boxed(stream: RandomStream): string {
  return `So we get ${soup(stream)}. Therefore \\boxed{${expression(stream)}}${stream.uniform() < 0.3 ? soup(stream) : ''}`;
}

/** Draws nested brackets, fractions, roots or exponents, some of them without their closing brackets. */
function nested(stream: RandomStream): string {
  const depth = 1 + stream.int(stream.uniform() < 0.2 ? 30_000 : 300);
  const [open, close] = pick(stream, [
    ['(', ')'],
    ['{', '}'],
    ['\\{', '\\}'],
    ['\\frac{1}{', '}'],
    ['\\sqrt{', '}'],
    ['x^{', '}'],
    ['2^', ''],
    ['-', ''],
    ['|', '|'],
    ['\\boxed{', '}'],
    ['\\text{', '}'],
    ['\\begin{pmatrix}', '\\end{pmatrix}'],
    ['\\left[', '\\right]'],
    ['\\sum_{i=1}^{9}', ''],
    ['\\sin ', ''],
    ['f(', ')'],
    ['\\sqrt', ''],
    ['\\pm', ''],
  ] as const);
  const inner =
    open.repeat(depth) + expression(stream, 1) + (stream.uniform() < 0.7 ? close.repeat(depth) : '');
  return stream.uniform() < 0.5 ? `\\boxed{${inner}}` : inner;
}

/** Repeats one piece of text, up to a megabyte in all. */
function repeated(stream: RandomStream): string {
  const piece = pick(stream, [
    ...PIECES,
    '1,',
    '1 ',
    '1,234',
    '$1$ ',
    '\\boxed{1},',
    '1/2 ',
    'answer is ',
    '"',
    '9',
    'x+',
    '(1,2),',
    '\\frac',
  ]);
  const size = stream.uniform() < 0.1 ? 1_000_000 : stream.int(20_000);
  const text = piece.repeat(Math.ceil(size / piece.length));
  return stream.uniform() < 0.3 ? `\\boxed{${text}}` : text;
}

function unicode(stream: RandomStream): string {
  const length = 1 + stream.int(200);
  const text = Array.from({ length }, () =>
    stream.uniform() < 0.3
      ? pick(stream, PIECES)
      : String.fromCharCode(
          pick(stream, [stream.int(0x10000), 0x2070 + stream.int(0x60), 0xd800 + stream.int(0x800), 0x221a]),
        ),
  ).join('');
  return stream.uniform() < 0.5 ? `\\boxed{${text}}` : text;
}

/** Draws a short expression with a huge value. */
function bomb(stream: RandomStream): string {
  const n = (): string => String(2 + stream.int(10 ** (1 + stream.int(8))));
  return pick(stream, [
    `${n()}^{${n()}^{${n()}}}`,
    `${n()}!!!`,
    `\\binom{${n()}}{${n()}}`,
    `(x+y+z+w)^{${n()}}`,
    `(a+b)^{24}(c+d)^{24}(e+f)^{24}`,
    `\\sum_{k=1}^{${n()}} k^{${n()}}`,
    `\\sum_{i=1}^{299}\\sum_{j=1}^{299}\\sum_{k=1}^{299} ijk`,
    `\\int_0^1\\int_0^1\\int_0^1\\int_0^1 xyzw\\,dx\\,dy\\,dz\\,dw`,
    `\\sqrt{${n()}${n()}${n()}${n()}}`,
    `\\sqrt[${n()}]{${n()}}`,
    `${n()}${n()}^{-${n()}}`,
    `0.${'9'.repeat(stream.int(900))}`,
    `${'9'.repeat(stream.int(900))}/${'7'.repeat(1 + stream.int(900))}`,
    `\\frac{1}{1+\\frac{1}{1+\\frac{1}{1+\\frac{1}{1+x}}}}`,
    `\\{${'\\pm '.repeat(stream.int(12))}1\\}`,
    `1${','.repeat(stream.int(500))}2`,
    `${'x,'.repeat(stream.int(400))}x`,
    `10^{${n()}}`,
    `1e${n()}`,
  ]);
}

/** Draws a real answer and deletes, repeats or replaces some of its characters. */
function mutated(stream: RandomStream): string {
  const answer = pick(stream, [
    '\\left(-\\infty, -\\frac{1}{2}\\right) \\cup [3, \\infty)',
    '\\begin{pmatrix} 1/5 & \\sqrt{2} \\\\ -18/5 & 0 \\end{pmatrix}',
    'x = \\frac{-b \\pm \\sqrt{b^2-4ac}}{2a}',
    'The answer is $\\boxed{864 \\mbox{ inches}^2}$.',
    '\\{1\\pm\\sqrt{5},-2\\}',
    '#### 1,234.50',
    'y = 2x + 3 \\text{ and } z \\equiv 3 \\pmod{5}',
    '-1\\frac{4}{5}\\%',
    '0.1\\overline{6}, 52_{8}, 90^\\circ',
    '\\sum_{k=0}^{n-1} F_k F_{n-k-1}',
  ]);
  let text = answer;
  for (let n = 1 + stream.int(4); n > 0; n--) {
    const at = stream.int(text.length + 1);
    const piece = pick(stream, ['', '', text.slice(at, at + 3), pick(stream, PIECES)]);
    text = text.slice(0, at) + piece + text.slice(at + stream.int(3));
  }
  return text;
}
