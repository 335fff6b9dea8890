// TypeDoc plugin: sorts the string literals of each union type. The compiler lists the members of some unions in the order
// in which it first meets them, so an unrelated change of another file would change the committed API pages.
import { Converter, makeRecursiveVisitor } from 'typedoc';

const isText = (type) => type.type === 'literal' && typeof type.value === 'string';

function sortLiterals(union) {
  const sorted = union.types.filter(isText).sort((a, b) => (a.value < b.value ? -1 : 1));
  union.types = union.types.map((type) => (isText(type) ? sorted.shift() : type));
}

export function load(app) {
  const visitor = makeRecursiveVisitor({ union: sortLiterals });
  app.converter.on(Converter.EVENT_RESOLVE, (_context, reflection) => reflection.type?.visit(visitor));
}
