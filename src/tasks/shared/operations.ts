/**
 * The option `operations` of generated tasks: a text of distinct operator characters such as `+-`.
 * @module
 */
import { show, text } from '../../schema/fields.ts';

/**
 * Creates a schema field that parses a text of operator characters into a list, in the order of `allowed`.
 *
 * @param allowed - the operators of the task
 * @param fallback - the default list
 * @param description - one sentence for the option table
 */
export function operationsField<T extends string>(
  allowed: readonly T[],
  { fallback, description }: { readonly fallback: readonly T[]; readonly description: string },
) {
  return text('a text of operators')
    .transform((written, context): readonly T[] => {
      const operations = allowed.filter((operation) => written.includes(operation));
      if (operations.length !== [...written].length)
        context.addIssue({
          code: 'custom',
          message: `expected distinct characters of "${allowed.join('')}", got ${show(written)}`,
        });
      return operations;
    })
    .prefault(fallback.join(''))
    .describe(`${description} Distinct characters of \`${allowed.join('')}\`.`);
}
