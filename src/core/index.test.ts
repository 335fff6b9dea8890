import { readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import * as core from './index.ts';

const FOLDER = new URL('./', import.meta.url);
const parse = (name: string) =>
  ts.createSourceFile(name, readFileSync(new URL(name, FOLDER), 'utf8'), ts.ScriptTarget.Latest, true);

/** Files whose exports are implementation details of other files; index.ts does not re-export them. */
const INTERNAL = ['check.ts', 'exp.ts', 'hash.ts', 'linear.ts', 'special.ts'];

/** Returns the names that index.ts re-exports from each file. */
function reexported(): Map<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const statement of parse('index.ts').statements) {
    if (!ts.isExportDeclaration(statement) || !statement.exportClause || !statement.moduleSpecifier) continue;
    if (!ts.isNamedExports(statement.exportClause) || !ts.isStringLiteral(statement.moduleSpecifier))
      continue;
    const names = statement.exportClause.elements.map(({ name }) => name.text);
    found.set(statement.moduleSpecifier.text.replace('./', ''), names);
  }
  return found;
}

/** Returns the exported declarations of a file, and whether each has a docstring. */
function declared(file: string): Map<string, boolean> {
  const found = new Map<string, boolean>();
  for (const statement of parse(file).statements) {
    if (!ts.canHaveModifiers(statement)) continue;
    if (!ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) continue;
    const isDocumented = ts.getJSDocCommentsAndTags(statement).length > 0;
    const names = ts.isVariableStatement(statement)
      ? statement.declarationList.declarations.map(({ name }) => name.getText())
      : 'name' in statement
        ? [(statement.name as ts.Identifier).text]
        : [];
    for (const name of names) found.set(name, isDocumented);
  }
  return found;
}

describe('troupe/core', () => {
  it('has a docstring for every name', () => {
    for (const [file, names] of reexported()) {
      const documented = declared(file);
      expect({ file, bare: names.filter((name) => documented.get(name) !== true) }).toEqual({
        file,
        bare: [],
      });
    }
  });

  it('exports every function of the public files', () => {
    const files = readdirSync(FOLDER).filter(
      (name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && name !== 'index.ts',
    );
    const listed = reexported();
    for (const file of files.filter((name) => !INTERNAL.includes(name)))
      expect({ file, names: [...(listed.get(file) ?? [])].sort() }).toEqual({
        file,
        names: [...declared(file).keys()].sort(),
      });
  });

  it('computes an advantage and a loss on plain arrays', () => {
    const advantages = core.groupNormalizedAdvantages([1, 0, 0, 1], [0, 0, 0, 0]);
    const logp = [[-1], [-2], [-2], [-1]];
    expect(advantages[0]).toBeCloseTo(1, 6);
    expect(core.sequenceObjective({ logpNew: logp, logpOld: logp, advantages }).loss).toBeCloseTo(0, 12);
    expect(() => core.groupNormalizedAdvantages([1], [0, 0])).toThrow(core.DomainError);
  });
});
