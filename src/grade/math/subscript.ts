/**
 * Reads subscripts as text, so that `x_{max}` and `x_{\text{max}}` are the same name.
 * @module
 */
import type { Cursor } from './cursor.ts';
import type { Token } from './tokenizer.ts';

/** Takes one token or one braced group and returns its characters without spaces. */
export function scriptText(cursor: Cursor): string {
  if (!cursor.accept('{')) return textOf(cursor.take());
  let text = '';
  for (let depth = 1; ; ) {
    const token = cursor.take();
    if (token.kind === 'sign' && token.text === '{') depth++;
    else if (token.kind === 'sign' && token.text === '}' && --depth === 0) return text;
    else text += textOf(token);
  }
}

function textOf(token: Token): string {
  switch (token.kind) {
    case 'number':
      return token.digits;
    case 'word':
    case 'sign':
      return token.text;
    case 'text':
      return token.text.replace(/[\s{}\\]/g, '');
    case 'command':
    case 'begin':
    case 'end':
      return token.name;
    case 'row':
      return '';
  }
}
