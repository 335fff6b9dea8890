/**
 * How this program was called, so that the commands it advises can be typed as they stand.
 * @module
 */

/** Scripts of package.json that end here. */
const SCRIPTS: readonly (string | undefined)[] = ['troupe', 'quickstart'];

const COMMAND =
  /\btroupe (?=(?:export|plan|doctor|eval|pretrain|quickstart|ray|serve|show|tasks|theory|train|watch|worker)\b)/g;

/**
 * A message whose commands are those of whoever reads it: messages say `troupe train`, which in a checkout
 * is `npm run troupe -- train`.
 *
 * @param script - the npm script this process runs in, if any
 *
 * @example
 * asTyped('go on with: troupe train --resume a', 'troupe'); // => 'go on with: npm run troupe -- train --resume a'
 */
export function asTyped(message: string, script: string | undefined): string {
  return SCRIPTS.includes(script) ? message.replaceAll(COMMAND, 'npm run troupe -- ') : message;
}
