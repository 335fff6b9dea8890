/**
 * The ways an answer can be read. Most have one; `1,234` is a number or a pair, `\pm` may stand for two
 * answers or four, and what no grammar explains is words.
 * @module
 */
import type { Node } from './ast.ts';
import { type CommaReading, withDecimalPoint } from './numeral.ts';
import { parse } from './parser.ts';
import { hasSeveralSigns, withoutSigns } from './signs.ts';
import { cleaned } from './tokenizer.ts';
import type { Work } from './work.ts';

/** Readings in order of likelihood; at least one. @throws TooMuchWork */
export function readAnswer(text: string, work: Work): Node[] {
  const trimmed = text.trim().replace(/(?<=[^.])\.$/, '');
  const nodes: Node[] = [];
  for (const [spelling, comma] of spellings(trimmed)) {
    const node = parse(spelling, comma, work)?.node;
    if (!node) continue;
    nodes.push(withoutSigns(node, false));
    if (hasSeveralSigns(node)) nodes.push(withoutSigns(node, true));
  }
  return nodes.length > 0 ? nodes : [{ kind: 'text', text: cleaned(trimmed) }];
}

function spellings(text: string): [string, CommaReading][] {
  const found: [string, CommaReading][] = [[text, 'thousands']];
  const isOneNumber = /^-?\d{1,3}(?:,\d{3})+(?:\.\d+)?$/.test(text);
  if (!isOneNumber && /\d,\d{3}/.test(text)) found.push([text, 'list']);
  const pointed = withDecimalPoint(text);
  if (pointed !== undefined) found.push([pointed, 'thousands']);
  return found;
}
