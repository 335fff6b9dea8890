/**
 * Rewrites commands in messages to the form in which the user started this program.
 * @module
 */

/** Scripts of package.json that start this program. */
const SCRIPTS: readonly (string | undefined)[] = ['troupe', 'quickstart'];

const COMMAND =
  /\btroupe (?=(?:compare|doctor|eval|export|plan|pretrain|quickstart|ray|serve|show|swap|tasks|theory|train|watch|worker)\b)/g;

/**
 * Replaces `troupe train` by `npm run troupe -- train` in a message, if npm started this process in a checkout.
 *
 * @param script - the npm script that started this process, if any
 *
 * @example
 * asTyped('go on with: troupe train --resume a', 'troupe'); // => 'go on with: npm run troupe -- train --resume a'
 */
export function asTyped(message: string, script: string | undefined): string {
  return SCRIPTS.includes(script) ? message.replaceAll(COMMAND, 'npm run troupe -- ') : message;
}
