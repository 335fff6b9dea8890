/**
 * Selects the part of a model's output that is graded: the end of the text after the model's thinking.
 * @module
 */

const END_OF_THOUGHT = '</think>';
/**
 * Maximum number of characters to grade. Of a longer text only the end is graded, because answers appear at
 * the end.
 */
const MAX_LENGTH = 65_536;

/**
 * Returns the text after the last `</think>`, or the whole text if it has none; at most the last 65,536
 * characters.
 */
export function afterThinking(text: string): string {
  const thought = text.lastIndexOf(END_OF_THOUGHT);
  const answer = thought < 0 ? text : text.slice(thought + END_OF_THOUGHT.length);
  return answer.slice(-MAX_LENGTH);
}
