import { expect, it } from 'vitest';
import { WorkBudgetExceeded } from '../work-budget.ts';
import { latexToText } from './latex-text.ts';

// expected values from pylatexenc 2.10: python -c "from pylatexenc.latex2text import LatexNodes2Text as L;
// print(repr(L().latex_to_text(r'...')))"
it('gives the same text as pylatexenc', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['\\frac{1}{2}', '1/2'],
    ['\\frac12', '1/2'],
    ['\\frac ab', 'a/b'],
    ['\\dfrac{1}{2}', '12'],
    ['\\sqrt{2} 3', '√(2) 3'],
    ['\\sqrt[3]{5}x', '√(5)x'],
    ['a\\pi r', 'aπr'],
    ['\\left( 3, \\frac{\\pi}{2} \\right)', '( 3, π/2 )'],
    ['x \\in [-2,7]', 'x ∈[-2,7]'],
    ['\\{1\\pm\\sqrt{5},-2\\}', '{1±√(5),-2}'],
    ['5.4 \\mbox{ cents}', '5.4 '],
    ['x^{2}y_{1}', 'x^2y_1'],
    ['\\cos x', 'cosx'],
    ['\\cot x', 'x'],
    ['\\unknown{x}y', 'xy'],
    ['1\\,234', '1 234'],
    ['1,\\!234', '1,234'],
    ['90^\\circ', '90^∘'],
    ['\\mathbb{R}\\mathbf{x}\\mathcal{A}', 'ℝ𝐱𝒜'],
    ['\\le \\ge \\ne \\neq', '≤≥≠'],
    ['\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}', '[ 1 2; 3 4 ]'],
    ['\\text{ and }', ' and '],
    ['a--b', 'a–b'],
    ['\\hat x', 'x̂'],
    ['\\$5\\%', '$5%'],
    ['\\frac', '%s/%s'],
    ['{a', 'a'],
    ['a}b', 'ab'],
  ];
  for (const [latex, text] of rows) expect(latexToText(latex), latex).toBe(text);
});

it('fails where pylatexenc does', () => {
  expect(latexToText('\\sqrt')).toBeUndefined();
});

it('throws on excessive nesting', () => {
  expect(() => latexToText('{'.repeat(1000))).toThrow(WorkBudgetExceeded);
});
