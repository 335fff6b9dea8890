/**
 * Selects the part of a model's output that is graded: the end of the text after the model's thinking.
 * @module
 */

const END_OF_THOUGHT = '</think>';
/** Maximum number of characters; of a longer text the end is read, because answers appear at the end. */
const MAX_LENGTH = 65_536;

/** The text after the last `</think>`, or the whole text without one; at most its last 65,536 characters. */
export function afterThinking(text: string): string {
  const thought = text.lastIndexOf(END_OF_THOUGHT);
  const answer = thought < 0 ? text : text.slice(thought + END_OF_THOUGHT.length);
  return answer.slice(-MAX_LENGTH);
}
