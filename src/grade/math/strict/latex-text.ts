/**
 * Converts LaTeX to plain text like pylatexenc 2.10 with its default settings, which DeepScaleR's grader uses: a
 * fraction becomes `a/b` without brackets, the index of a root is lost, unknown commands are dropped.
 * @see https://pylatexenc.readthedocs.io/en/latest/latex2text/
 * @module
 */
import { MAX_DEPTH, WorkBudgetExceeded } from '../work-budget.ts';

/**
 * Unicode characters by the LaTeX commands that are replaced by them. Each row has a character and its
 * commands.
 */
const SIGNS: ReadonlyMap<string, string> = table(
  'α alpha|β beta|γ gamma|δ delta|ϵ epsilon|ε varepsilon|ζ zeta|η eta|θ theta|ϑ vartheta|ι iota|κ kappa|λ lambda|' +
    'μ mu|ν nu|ξ xi|π pi|ϖ varpi|ρ rho|ϱ varrho|σ sigma|ς varsigma|τ tau|υ upsilon|ϕ phi|φ varphi|χ chi|ψ psi|ω omega|' +
    'Γ Gamma|Δ Delta|Θ Theta|Λ Lambda|Ξ Xi|Π Pi|Σ Sigma|Υ Upsilon|Φ Phi|Ψ Psi|Ω Omega|· cdot|× times|÷ div|± pm|∓ mp|' +
    '∗ ast|⋆ star|∙ bullet|∘ circ|∞ infty|∪ cup|∩ cap|∖ setminus|∈ in|∉ notin|∋ ni|⊂ subset|⊆ subseteq|⊃ supset|' +
    '⊇ supseteq|∅ emptyset varnothing|≤ le leq|⩽ leqslant|≥ ge geq|⩾ geqslant|≠ neq|≈ approx|≡ equiv|∼ sim|≃ simeq|' +
    '≅ cong|∝ propto|≪ ll|≫ gg|→ to rightarrow|← leftarrow|⇒ Rightarrow|⇐ Leftarrow|↦ mapsto|↔ leftrightarrow|' +
    '⟶ longrightarrow|↑ uparrow|↓ downarrow|∀ forall|∃ exists|¬ lnot|∧ wedge|∨ vee|⊕ oplus|⊗ otimes|⊥ perp|∥ parallel|' +
    "| mid vert lvert rvert|∤ nmid|∠ angle|□ square|' prime|∂ partial|∇ nabla|∫ int|∬ iint|∮ oint|∑ sum|∏ prod|" +
    'ℓ ell|ħ hbar|ℵ aleph|⋯ cdots|… ldots dots dotsc dotsb|⋮ vdots|⋱ ddots|⌊ lfloor|⌋ rfloor|⌈ lceil|⌉ rceil|⟨ langle|' +
    '⟩ rangle|‖ Vert lVert rVert|\\ backslash|√ surd|∴ therefore|∵ because|† dagger|♢ diamond|▪ blacksquare',
);

function table(rows: string): ReadonlyMap<string, string> {
  // rows are separated by `|`, except before ` mid`, where `|` is the character of the row
  return new Map(
    rows.split(/\|(?! mid)/).flatMap((row) => {
      const [sign = '', ...names] = row.split(' ');
      return names.map((name): [string, string] => [name, sign]);
    }),
  );
}

const WORDS: ReadonlySet<string> = new Set(
  'lim sup inf max min exp ln log sin cos tan arcsin arccos arctan sinh cosh tanh'.split(' '),
);

/** LaTeX commands that are dropped together with their argument. */
const SWALLOWING: ReadonlySet<string> = new Set('mbox textsf texttt hspace color textcolor label'.split(' '));

/** Combining characters by accent command. The character is written after the argument. */
const ACCENTS: ReadonlyMap<string, string> = new Map([
  ['hat', '\u0302'],
  ['bar', '\u0305'],
  ['vec', '\u20d7'],
  ['tilde', '\u0303'],
  ['dot', '\u0307'],
  ['ddot', '\u0308'],
]);

/** First code points of the upper-case and lower-case letters of mathematical alphabets, by LaTeX command. */
const ALPHABETS: ReadonlyMap<string, readonly [number, number]> = new Map([
  ['mathbf', [0x1d400, 0x1d41a]],
  ['mathit', [0x1d434, 0x1d44e]],
  ['mathsf', [0x1d5a0, 0x1d5ba]],
  ['mathtt', [0x1d670, 0x1d68a]],
  ['mathcal', [0x1d49c, 0x1d4b6]],
  ['mathbb', [0x1d538, 0x1d552]],
  ['mathfrak', [0x1d504, 0x1d51e]],
]);

const DOUBLE_STRUCK: ReadonlyMap<string, string> = new Map(
  [...'CHNPQRZ'].map((letter, i) => [letter, [...'ℂℍℕℙℚℝℤ'][i]]),
);

/** Environments that pylatexenc writes as matrices. It does not know `vmatrix` and `cases`. */
const MATRICES: ReadonlySet<string> = new Set(['pmatrix', 'bmatrix', 'smallmatrix', 'psmallmatrix', 'array']);

const CONTROL_SIGNS: ReadonlyMap<string, string> = new Map([
  ...[...'{}$%#&_'].map((sign): [string, string] => [sign, sign]),
  [',', ' '],
  [';', ' '],
  [':', ' '],
  [' ', ' '],
  ['\\', '\n'],
]);

/**
 * Converts LaTeX to plain text.
 *
 * @returns undefined where pylatexenc raises an error; the grader then uses the LaTeX text
 */
export function latexToText(latex: string): string | undefined {
  const reader = new Reader(latex);
  const text = reader.until('');
  return reader.failed ? undefined : text;
}

class Reader {
  failed = false;
  readonly #latex: string;
  #at = 0;
  #depth = 0;

  constructor(latex: string) {
    this.#latex = latex;
  }

  /** Converts the text up to the closing brace, bracket or `\end` of the current group. */
  until(closing: '' | '}' | ']' | 'end'): string {
    if (++this.#depth > MAX_DEPTH) throw new WorkBudgetExceeded('the answer is nested too deep');
    let text = '';
    while (this.#at < this.#latex.length) {
      const character = this.#latex[this.#at];
      if (character === closing) {
        this.#at++;
        break;
      }
      if (closing === 'end' && this.#latex.startsWith('\\end', this.#at)) break;
      this.#at++;
      text += this.#one(character);
    }
    this.#depth--;
    return text;
  }

  #one(character: string): string {
    switch (character) {
      case '\\':
        return this.#command();
      case '{':
        return this.until('}');
      case '}':
      case '$':
        return '';
      case '~':
        return '\u00a0';
      case '&':
        return '   ';
      case '-': {
        const [dashes = '-'] = /^-{1,3}/.exec(this.#latex.slice(this.#at - 1, this.#at + 2)) ?? [];
        this.#at += dashes.length - 1;
        return ['-', '–', '—'][dashes.length - 1];
      }
      default:
        return character;
    }
  }

  #command(): string {
    const [name = ''] = /^(?:[a-zA-Z]+|[\s\S])/.exec(this.#latex.slice(this.#at)) ?? [];
    this.#at += name.length;
    if (!/^[a-zA-Z]/.test(name)) return CONTROL_SIGNS.get(name) ?? '';
    this.#skipBlanks();
    if (name === 'begin') return this.#environment();
    if (name === 'frac') return this.#fraction();
    if (name === 'sqrt') return this.#root();
    if (name === 'quad' || name === 'qquad') return name === 'quad' ? '  ' : '    ';
    if (SWALLOWING.has(name)) {
      this.#argument();
      return '';
    }
    const accent = ACCENTS.get(name);
    if (accent !== undefined) return `${this.#argument() ?? ''}${accent}`.normalize('NFC');
    if (ALPHABETS.has(name)) return this.#styled(name);
    return SIGNS.get(name) ?? (WORDS.has(name) ? name : '');
  }

  #skipBlanks(): void {
    while (/\s/.test(this.#latex[this.#at] ?? '')) this.#at++;
  }

  /**
   * Converts the argument of a command: a braced group, a command, or one character; undefined at the end of
   * the text.
   */
  #argument(): string | undefined {
    this.#skipBlanks();
    const character = this.#latex[this.#at];
    if (character === undefined || character === '}') return undefined;
    this.#at++;
    return this.#one(character);
  }

  #fraction(): string {
    const [over, under] = [this.#argument(), this.#argument()];
    return over === undefined || under === undefined ? '%s/%s' : `${over}/${under}`;
  }

  #root(): string {
    if (this.#latex[this.#at] === '[') {
      this.#at++;
      this.until(']');
    }
    const of = this.#argument();
    if (of === undefined) this.failed = true;
    return `√(${of ?? ''})`;
  }

  #styled(name: string): string {
    const [capital, small] = ALPHABETS.get(name) as readonly [number, number]; // callers check the name
    return [...(this.#argument() ?? '')]
      .map((letter) => {
        if (name === 'mathbb' && DOUBLE_STRUCK.has(letter)) return DOUBLE_STRUCK.get(letter);
        if (/[A-Z]/.test(letter)) return String.fromCodePoint(capital + letter.charCodeAt(0) - 65);
        return /[a-z]/.test(letter) ? String.fromCodePoint(small + letter.charCodeAt(0) - 97) : letter;
      })
      .join('');
  }

  /**
   * Converts an environment. A matrix becomes `[ a b; c d ]`; any other environment is replaced by its
   * content.
   */
  #environment(): string {
    const name = this.#argument() ?? '';
    if (name === 'array') this.#argument();
    const content = this.until('end');
    if (this.#latex.startsWith('\\end', this.#at)) {
      this.#at += 4;
      this.#argument();
    }
    if (!MATRICES.has(name)) return content;
    const rows = content.split('\n').map((row) =>
      row
        .split('   ')
        .map((cell) => cell.trim())
        .join(' '),
    );
    return `[ ${rows.join('; ')} ]`;
  }
}
