/**
 * Checks the lengths of a task's prompts and gold answers before training or planning reads weights.
 * @module
 */
import { withMembers } from '../task/decontaminated-task.ts';
import type { Task } from '../task/task.ts';
import { answerLengthWarnings } from './answer-lengths.ts';
import type { AgentText } from './compose/agent-text.ts';
import type { Composition } from './compose.ts';
import { limitPrompts, PromptLengths } from './prompt-lengths.ts';

/**
 * Returns the task without prompts that are too long, with warnings about them and about gold answers that are longer
 * than a message.
 *
 * @throws ConfigError if the settings refuse prompts that are too long, or if no train prompt is short enough
 */
export function withLengthChecks(
  composition: Pick<Composition, 'resolved' | 'task' | 'protocol'>,
  texts: readonly AgentText[],
): Task {
  const { resolved, task, protocol } = composition;
  const limited = limitPrompts(resolved, new PromptLengths(texts, composition), task);
  const reserved = resolved.config.train.max_completion_length;
  const warnings = answerLengthWarnings(texts, { task, protocol, reserved });
  return warnings.length === 0
    ? limited
    : withMembers(limited, { warnings: [...(limited.warnings ?? []), ...warnings] });
}
