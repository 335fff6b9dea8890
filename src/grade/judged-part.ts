/**
 * The part of a text that is judged: what follows the model's thoughts, and of that the end.
 * @module
 */

const END_OF_THOUGHT = '</think>';
/** Answers stand at the end, so only the end of a very long text is read. */
const JUDGED_LENGTH = 65_536;

/** What follows the last end-of-thought mark, if there is one; at most the last 64 K characters. */
export function judgedPart(text: string): string {
  const thought = text.lastIndexOf(END_OF_THOUGHT);
  const answer = thought < 0 ? text : text.slice(thought + END_OF_THOUGHT.length);
  return answer.slice(-JUDGED_LENGTH);
}
