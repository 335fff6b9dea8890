/**
 * Syntax tree of the supported part of Python, in which the checkers of puzzles are written. Classes, `with`,
 * generators with `yield`, and `match` are not supported.
 * @module
 */

export type Expression =
  | { readonly type: 'constant'; readonly value: null | boolean | bigint | number | string }
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'list' | 'tuple' | 'set'; readonly items: readonly Expression[] }
  /** An entry without a key is `**value`. */
  | { readonly type: 'dict'; readonly entries: readonly (readonly [Expression | undefined, Expression])[] }
  | { readonly type: 'starred'; readonly value: Expression }
  | { readonly type: 'unary'; readonly operator: string; readonly value: Expression }
  | {
      readonly type: 'binary';
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly type: 'and' | 'or'; readonly values: readonly Expression[] }
  | {
      readonly type: 'compare';
      readonly first: Expression;
      readonly rest: readonly (readonly [operator: string, Expression])[];
    }
  | { readonly type: 'call'; readonly callee: Expression; readonly args: readonly Argument[] }
  | { readonly type: 'attribute'; readonly value: Expression; readonly name: string }
  | { readonly type: 'subscript'; readonly value: Expression; readonly index: Expression }
  | {
      readonly type: 'slice';
      readonly start: Expression | undefined;
      readonly stop: Expression | undefined;
      readonly step: Expression | undefined;
    }
  | {
      readonly type: 'if';
      readonly test: Expression;
      readonly yes: Expression;
      readonly otherwise: Expression;
    }
  | { readonly type: 'lambda'; readonly node: FunctionNode }
  | {
      readonly type: 'comprehension';
      readonly kind: 'list' | 'set' | 'dict' | 'generator';
      readonly element: Expression;
      /**
       * The expression of the value in a dict comprehension, whose key is `element`; undefined for other
       * kinds.
       */
      readonly value: Expression | undefined;
      readonly clauses: readonly Clause[];
      /** Names of the variables that the `for` clauses assign. */
      readonly names: ReadonlySet<string>;
    }
  | { readonly type: 'text'; readonly parts: readonly (string | Interpolation)[] }
  | { readonly type: 'walrus'; readonly name: string; readonly value: Expression };

export interface Argument {
  readonly value: Expression;
  readonly kind: 'plain' | 'star' | 'double-star';
  readonly name: string | undefined;
}

export interface Clause {
  readonly target: Expression;
  readonly source: Expression;
  readonly conditions: readonly Expression[];
}

/** A replacement field `{value!conversion:spec}` of an f-string. */
export interface Interpolation {
  readonly value: Expression;
  readonly conversion: string;
  readonly spec: Expression | undefined;
}

export interface Parameter {
  readonly name: string;
  readonly kind: 'plain' | 'star' | 'keyword' | 'double-star';
  readonly fallback: Expression | undefined;
}

export interface FunctionNode {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly body: readonly Statement[];
  /** Names of the local variables of the function. */
  readonly locals: ReadonlySet<string>;
}

export type Statement =
  | { readonly type: 'expression'; readonly value: Expression }
  | { readonly type: 'assign'; readonly targets: readonly Expression[]; readonly value: Expression }
  | {
      readonly type: 'update';
      readonly operator: string;
      readonly target: Expression;
      readonly value: Expression;
    }
  | { readonly type: 'return'; readonly value: Expression | undefined }
  | {
      readonly type: 'if' | 'while';
      readonly test: Expression;
      readonly body: readonly Statement[];
      readonly otherwise: readonly Statement[];
    }
  | {
      readonly type: 'for';
      readonly target: Expression;
      readonly source: Expression;
      readonly body: readonly Statement[];
      readonly otherwise: readonly Statement[];
    }
  | { readonly type: 'break' | 'continue' | 'pass' }
  | { readonly type: 'function'; readonly node: FunctionNode }
  | { readonly type: 'global' | 'nonlocal'; readonly names: readonly string[] }
  /** `import module as name`, or with `member` `from module import member as name`. */
  | {
      readonly type: 'import';
      readonly module: string;
      readonly member: string | undefined;
      readonly name: string;
    }
  | { readonly type: 'raise'; readonly value: Expression | undefined }
  | {
      readonly type: 'try';
      readonly body: readonly Statement[];
      readonly handlers: readonly Handler[];
      readonly otherwise: readonly Statement[];
      readonly last: readonly Statement[];
    }
  | { readonly type: 'assert'; readonly test: Expression; readonly message: Expression | undefined }
  | { readonly type: 'delete'; readonly targets: readonly Expression[] };

export interface Handler {
  readonly matches: Expression | undefined;
  readonly name: string | undefined;
  readonly body: readonly Statement[];
}

/** A parsed program. */
export interface Program {
  readonly body: readonly Statement[];
  /**
   * All names that the program reads or assigns, its attributes and its imports. Unsupported features are
   * found in them before the program runs.
   */
  readonly uses: Uses;
}

export interface Uses {
  readonly names: ReadonlySet<string>;
  readonly assigned: ReadonlySet<string>;
  readonly attributes: ReadonlySet<string>;
  /** Imported modules and members, written `module` or `module.member`. */
  readonly imports: ReadonlySet<string>;
}
