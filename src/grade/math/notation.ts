/**
 * Tables of mathematical notation: the meaning of characters, LaTeX commands and words. `tokenizer.ts` and
 * `parser.ts` use them.
 * @module
 */

/** LaTeX spelling of Unicode characters. It is applied before Unicode compatibility normalization (NFKC). */
export const UNICODE: ReadonlyMap<string, string> = new Map([
  ...Object.entries({
    '−': '-',
    '–': '-',
    '—': '-',
    '‐': '-',
    '‑': '-',
    '×': '\\times ',
    '·': '\\cdot ',
    '⋅': '\\cdot ',
    '∙': '\\cdot ',
    '•': '\\cdot ',
    '∗': '*',
    '÷': '/',
    '⁄': '/',
    '∕': '/',
    '±': '\\pm ',
    '∓': '\\mp ',
    '√': '\\sqrt ',
    '∛': '\\sqrt[3]',
    '∞': '\\infty ',
    '≤': '\\le ',
    '⩽': '\\le ',
    '≥': '\\ge ',
    '⩾': '\\ge ',
    '≠': '\\ne ',
    '≈': '\\approx ',
    '≡': '\\equiv ',
    '∈': '\\in ',
    '∪': '\\cup ',
    '∩': '\\cap ',
    '∖': '\\setminus ',
    '∅': '\\emptyset ',
    '⊂': '\\subset ',
    '⊆': '\\subseteq ',
    '∑': '\\sum ',
    '∏': '\\prod ',
    '∫': '\\int ',
    '⌊': '\\lfloor ',
    '⌋': '\\rfloor ',
    '⌈': '\\lceil ',
    '⌉': '\\rceil ',
    '⟨': '\\langle ',
    '⟩': '\\rangle ',
    '∣': '|',
    '∥': '|',
    '°': '\\degree ',
    º: '\\degree ',
    '′': "'",
    '’': "'",
    '“': '"',
    '”': '"',
    '…': '\\ldots ',
    '∠': '\\angle ',
    '△': '\\triangle ',
    ℝ: '\\mathbb{R}',
    ℤ: '\\mathbb{Z}',
    ℕ: '\\mathbb{N}',
    ℚ: '\\mathbb{Q}',
    ℂ: '\\mathbb{C}',
    '％': '\\%',
    $: '$',
    '€': '\\text{euro}',
    '£': '\\text{pound}',
    '，': ',',
    '：': ':',
  }),
  ...Object.entries({
    '½': '1/2',
    '⅓': '1/3',
    '⅔': '2/3',
    '¼': '1/4',
    '¾': '3/4',
    '⅕': '1/5',
    '⅛': '1/8',
  }).map(([sign, value]): [string, string] => [sign, ` ${value} `]),
  ...[...'αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩϕϵ'].map((letter, i): [string, string] => [
    letter,
    `\\${GREEK_NAMES()[i]} `,
  ]),
]);

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻';
const SUBSCRIPTS = '₀₁₂₃₄₅₆₇₈₉';

/**
 * Returns the plain digit or sign of a superscript or subscript character, and whether the character is a
 * superscript.
 */
export function scriptOf(
  character: string,
): { readonly plain: string; readonly raised: boolean } | undefined {
  const raised = SUPERSCRIPTS.indexOf(character);
  if (raised >= 0) return { plain: '0123456789+-'[raised], raised: true };
  const lowered = SUBSCRIPTS.indexOf(character);
  return lowered < 0 ? undefined : { plain: String(lowered), raised: false };
}

function GREEK_NAMES(): readonly string[] {
  return (
    'alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi ' +
    'psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega phi epsilon'
  ).split(' ');
}

/** Sign tokens of the grammar by the LaTeX command that denotes them. */
export const SIGN_COMMANDS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    '+': 'plus',
    '-': 'minus',
    '*': 'times cdot ast bullet star',
    '/': 'div slash',
    '<': 'lt',
    '>': 'gt',
    '<=': 'le leq leqslant leqq',
    '>=': 'ge geq geqslant geqq',
    '=': 'eq doteq',
    '≈': 'approx simeq thickapprox',
    '!=': 'ne neq',
    equiv: 'equiv',
    in: 'in',
    subset: 'subset subseteq subseteqq',
    to: 'to rightarrow longrightarrow mapsto',
    union: 'cup bigcup',
    intersection: 'cap bigcap',
    difference: 'setminus smallsetminus backslash',
    pm: 'pm',
    mp: 'mp',
    mid: 'mid',
    '|': 'vert lvert rvert Vert lVert rVert |',
    '\\{': '{ lbrace',
    '\\}': '} rbrace',
    '(': 'lparen',
    ')': 'rparen',
    '[': 'lbrack',
    ']': 'rbrack',
    ':': 'colon',
    langle: 'langle',
    rangle: 'rangle',
    '%': '%',
    '#$': '$',
    "'": 'prime',
    degree: 'degree',
    or: 'lor vee',
    and: 'land wedge',
    quad: 'quad qquad',
  }).flatMap(([sign, commands]) => commands.split(' ').map((command): [string, string] => [command, sign])),
);

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));

/** LaTeX commands that do not affect the value and are dropped. */
export const DROPPED: ReadonlySet<string> = words(
  'left right middle big Big bigg Bigg bigl Bigl biggl Biggl bigr Bigr biggr Biggr displaystyle textstyle ' +
    'scriptstyle limits nolimits mathstrut strut , ; : ! > boxed fbox mathbf boldsymbol bm bold mathcal mathfrak ' +
    'mathscr bf it rm sf tt large Large LARGE huge Huge small normalsize centering noindent ensuremath ' +
    'hline nonumber notag ( ) [ ] "',
);

/** LaTeX commands that are dropped together with their argument. */
export const DROPPED_WITH_ARGUMENT: ReadonlySet<string> = words(
  'phantom hphantom vphantom hspace vspace color textcolor label tag hskip vskip kern',
);

/** LaTeX commands whose argument is text. */
export const TEXT_COMMANDS: ReadonlySet<string> = words(
  'text mbox hbox textbf textit textrm textsf texttt textnormal textsc emph mathrm mathit mathsf mathtt ' +
    'operatorname operatorname* mathop',
);

/** LaTeX environments that are matrices. All other environments only arrange lines. */
export const MATRIX_ENVIRONMENTS: ReadonlySet<string> = words(
  'pmatrix bmatrix Bmatrix vmatrix Vmatrix matrix smallmatrix array pmatrix* bmatrix*',
);

/**
 * LaTeX commands that draw a mark over, under or around a letter. The letter with the mark is a separate
 * symbol.
 */
export const ACCENTS: ReadonlySet<string> = words(
  'overline bar vec overrightarrow hat widehat tilde widetilde dot ddot underline overleftrightarrow overarc ' +
    'mathring overset underset stackrel',
);

/** Internal names of functions by spelling; a function can have several spellings. */
export const FUNCTIONS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    sin: 'sin',
    cos: 'cos',
    tan: 'tan tg',
    cot: 'cot ctg',
    sec: 'sec',
    csc: 'csc cosec',
    arcsin: 'arcsin asin',
    arccos: 'arccos acos',
    arctan: 'arctan atan arctg',
    arccot: 'arccot arcctg',
    arcsec: 'arcsec',
    arccsc: 'arccsc',
    sinh: 'sinh',
    cosh: 'cosh',
    tanh: 'tanh',
    coth: 'coth',
    ln: 'ln',
    log: 'log',
    lg: 'lg',
    exp: 'exp',
    sqrt: 'sqrt',
    abs: 'abs',
    floor: 'floor',
    ceil: 'ceil',
    gcd: 'gcd',
    lcm: 'lcm',
    max: 'max',
    min: 'min',
    sgn: 'sgn sign',
    det: 'det',
    arg: 'arg',
    Re: 'Re',
    Im: 'Im',
    cis: 'cis',
  }).flatMap(([name, spellings]) =>
    spellings.split(' ').map((spelling): [string, string] => [spelling, name]),
  ),
);

/** Words that denote constants. */
export const CONSTANT_WORDS: ReadonlyMap<string, 'pi' | 'infinity'> = new Map([
  ['pi', 'pi'],
  ['infty', 'infinity'],
  ['infinity', 'infinity'],
  ['inf', 'infinity'],
  ['oo', 'infinity'],
]);

/** Words that name a single symbol, both as plain text and as LaTeX commands. */
export const SYMBOL_WORDS: ReadonlySet<string> = new Set([
  ...GREEK_NAMES().filter((name) => name !== 'pi'),
  'varphi',
  'vartheta',
  'varepsilon',
  'varrho',
  'varsigma',
]);

/** Plain letters by the name of their variant shapes. */
export const SAME_LETTER: ReadonlyMap<string, string> = new Map([
  ['varphi', 'phi'],
  ['vartheta', 'theta'],
  ['varepsilon', 'epsilon'],
  ['varrho', 'rho'],
  ['varsigma', 'sigma'],
]);

/** Letters that denote functions when a bracket follows them, as in `f(2)`. */
export const FUNCTION_LETTERS: ReadonlySet<string> = words('f g h F G H');

/** Values of number words that multiply the number before them, as in `3 million`. */
export const SCALES: ReadonlyMap<string, bigint> = new Map([
  ['hundred', 100n],
  ['thousand', 1000n],
  ['million', 1_000_000n],
  ['billion', 1_000_000_000n],
  ['trillion', 1_000_000_000_000n],
]);

const NUMBER_WORDS =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen';

/** Returns the number from 0 to 16 that a word names; undefined for other words. */
export function numberWord(word: string): number | undefined {
  const index = NUMBER_WORDS.split(' ').indexOf(word.toLowerCase());
  return index < 0 ? undefined : index;
}
