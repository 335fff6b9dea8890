/**
 * Why an update or a candidate team was accepted or refused, in a sentence with the numbers that decided.
 * Pure text; needs no Node, because pages import it.
 * @module
 */

import type { RunFacts } from '../run-view/rows.ts';
import type { Decision, GateView } from '../run-view/run-view.ts';
import { agentName } from '../run-view/selectors.ts';
import type { AttemptRecord, HandoverRecord, UpdateRecord } from '../train/events.ts';
import { percent, plural, signed, small } from './format.ts';

/** What a sentence needs besides the decision. */
export interface ExplainContext {
  readonly agents: readonly string[];
  readonly facts: Pick<RunFacts, 'quantile' | 'trustRegion'>;
}

/** How a decision ended, for a mark and a filter. */
export type Outcome =
  | 'accepted'
  | 'backtracked'
  | 'kl_rejected'
  | 'test_rejected'
  | 'not_finite'
  | 'skipped'
  | 'promoted'
  | 'undecided'
  | 'rolled_back';

/** Every outcome in the order legends have, with its word. */
export const OUTCOMES: readonly { readonly outcome: Outcome; readonly label: string }[] = [
  { outcome: 'accepted', label: 'accepted' },
  { outcome: 'backtracked', label: 'accepted after backtracks' },
  { outcome: 'kl_rejected', label: 'rejected by KL' },
  { outcome: 'test_rejected', label: 'rejected by the test' },
  { outcome: 'not_finite', label: 'not finite' },
  { outcome: 'skipped', label: 'skipped' },
  { outcome: 'promoted', label: 'promoted' },
  { outcome: 'undecided', label: 'undecided' },
  { outcome: 'rolled_back', label: 'rolled back' },
];

export function outcomeOf(decision: Decision): Outcome {
  return decision.kind === 'update' ? updateOutcome(decision.update) : gateOutcome(decision.gate);
}

export function updateOutcome({ status, attempts }: UpdateRecord): Outcome {
  switch (status) {
    case 'ACCEPT':
      return attempts.length > 1 ? 'backtracked' : 'accepted';
    case 'REJECT_KL':
      return 'kl_rejected';
    case 'REJECT_TEST':
      return 'test_rejected';
    case 'REJECT_NAN':
      return 'not_finite';
    case 'SKIP':
      return 'skipped';
    default:
      return status satisfies never;
  }
}

export function gateOutcome({ gate, decision }: Pick<GateView, 'gate' | 'decision'>): Outcome {
  if (decision === 'promote') return gate === 'promotion' ? 'promoted' : 'accepted';
  if (decision === 'keep') return 'undecided';
  return gate === 'promotion' ? 'rolled_back' : 'test_rejected';
}

/** A sentence or two: what was decided and the numbers that decided it. */
export function explain(decision: Decision, context: ExplainContext): string {
  return decision.kind === 'gate' ? explainGate(decision.gate) : explainUpdate(decision, context);
}

function explainUpdate(
  { update, test }: Extract<Decision, { kind: 'update' }>,
  context: ExplainContext,
): string {
  const who = agentName(context, update.agent);
  const last = update.attempts.at(-1);
  switch (update.status) {
    case 'ACCEPT':
      return `${who} ${deed(update.handover)}: ${acceptance(update, context)}${test === undefined ? '' : ` The test proved a gain: ${bet(test)}.`}`;
    case 'REJECT_KL':
      return `${who} stays as it was: all ${plural(update.attempts.length, 'attempt')} left the trust region. ${smallestViolation(update, context)} Weights and optimiser are back, byte for byte.`;
    case 'REJECT_TEST':
      return `${who} stays as it was: the step was inside the trust region (${used(last, update)} of the radius), but the test did not prove a gain${test === undefined ? '' : `: ${bet(test)}`}. Weights and optimiser are back.`;
    case 'REJECT_NAN':
      return `${who} stays as it was: a loss, gradient or divergence of the last of ${plural(update.attempts.length, 'attempt')} was not a finite number. Weights and optimiser are back.`;
    case 'SKIP':
      return update.trajectories === 0
        ? `${who} was not updated: it said nothing in this batch.`
        : `${who} was not updated: no prompt's episodes differed in reward, so there was nothing to learn.`;
    default:
      return update.status satisfies never;
  }
}

/** What was done to an agent whose update was kept. */
function deed(handover: HandoverRecord | undefined): string {
  if (handover === undefined) return 'was updated';
  if (handover.finished) return 'was handed over, its replacement stands alone from here on';
  const { weight, weightMin } = handover;
  return `went a step towards its replacement, whose weight is now ${percent(weight)} on average and ${percent(weightMin)} at least`;
}

function acceptance(update: UpdateRecord, { facts }: ExplainContext): string {
  const { attempts, targetKl } = update;
  const last = attempts.at(-1);
  if (last === undefined) return 'it was accepted.';
  const measured = `the ${quantileName(facts)} of the exact KL is ${nats(last.klQuantile)}, ${used(last, update)} of the radius ${small(targetKl)}`;
  if (last.klQuantile > targetKl) return `${measured}; it left the region, which this run only records.`;
  const refused = attempts.slice(0, -1);
  if (refused.length === 0) return `${measured}, at the first attempt.`;
  const how = refused.length === 1 ? 'the larger step' : `${refused.length} larger steps`;
  return `${measured}. ${capital(how)} before it left the region (${reasons(refused)}), so the step was cut ${refused.length === 1 ? 'once' : `${refused.length} times`}.`;
}

/** `KL 0.081 and 0.062`, or what else was violated. */
function reasons(attempts: readonly AttemptRecord[]): string {
  return attempts
    .map(({ reason, klQuantile, klMessageMean }) =>
      reason === 'kl_message'
        ? `${small(klMessageMean)} nats a message`
        : reason === 'not_finite'
          ? 'not finite'
          : small(klQuantile),
    )
    .join(', ');
}

function smallestViolation({ attempts, targetKl }: UpdateRecord, { facts }: ExplainContext): string {
  const finite = attempts.filter(({ klQuantile }) => Number.isFinite(klQuantile));
  const least = finite.reduce<AttemptRecord | undefined>(
    (best, attempt) => (best === undefined || attempt.klQuantile < best.klQuantile ? attempt : best),
    undefined,
  );
  if (least === undefined) return 'None could be measured.';
  if (least.klQuantile <= targetKl)
    return `The mean KL of a message was ${nats(least.klMessageMean)}, more than its radius.`;
  return `The smallest step's ${quantileName(facts)} of the exact KL was ${nats(least.klQuantile)}, ${percent(least.klQuantile / targetKl)} of the radius ${small(targetKl)}.`;
}

function explainGate(gate: GateView): string {
  const { stage, index, prompts, meanDifference, decision } = gate;
  const where = `Test ${index} after stage ${stage}`;
  const seen = `on ${plural(prompts, 'paired prompt')} the candidate's reward differs by ${signed(meanDifference, 3)} on average`;
  if (gate.gate === 'step')
    return `${where}: ${seen}; ${bet(gate)}; ${decision === 'promote' ? 'the update stays' : 'the update is undone'}.`;
  switch (decision) {
    case 'promote':
      return `${where} promoted the team: ${seen}, and ${bet(gate)}. Stage ${stage} is the champion now.`;
    case 'keep':
      return `${where} is undecided: ${seen}; ${bet(gate)}. Training goes on, the champion stays.`;
    case 'rollback':
      return `${where} rolled back: ${seen}; the bet on harm grew to ${wealthText(gate.harmWealth)}, and ${wealthText(1 / gate.alpha)} proves it. The champion's weights are back and every radius is halved.`;
    default:
      return decision satisfies never;
  }
}

/** `the bet on a gain grew to 85.1, and 82.2 proves it`. */
function bet({ wealth, alpha }: GateView): string {
  const needed = wealthText(1 / alpha);
  return wealth >= 1 / alpha
    ? `the bet on a gain grew to ${wealthText(wealth)}, and ${needed} proves it`
    : `the bet on a gain stands at ${wealthText(wealth)} of the ${needed} that would prove it`;
}

/** A wealth in few characters. */
export function wealthText(wealth: number): string {
  if (wealth >= 1e5) return wealth.toExponential(1);
  return wealth >= 100
    ? wealth.toFixed(0)
    : wealth.toPrecision(2).includes('e')
      ? wealth.toExponential(1)
      : String(Number(wealth.toPrecision(3)));
}

/** `99% quantile`. */
export function quantileName({ quantile }: Pick<RunFacts, 'quantile'>): string {
  return `${Number((100 * quantile).toFixed(2))}% quantile`;
}

function used(attempt: AttemptRecord | undefined, { targetKl }: UpdateRecord): string {
  return attempt === undefined ? 'none' : percent(attempt.klQuantile / targetKl);
}

function nats(value: number): string {
  return `${small(value)} nats`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
