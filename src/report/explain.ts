/**
 * Explains in one or two sentences why an update or a candidate team was accepted or rejected, with the
 * numbers of the decision. Pure functions. No Node imports, because the dashboard's page bundles this file.
 * @module
 */

import type { RunFacts } from '../run-view/rows.ts';
import type { Decision, GateView } from '../run-view/run-view.ts';
import { agentName } from '../run-view/selectors.ts';
import type { AttemptRecord, HandoverRecord, UpdateRecord } from '../train/events.ts';
import { percent, plural, signed, small } from './format.ts';

/** Facts about the run that the explanation of a decision uses. */
export interface ExplainContext {
  readonly agents: readonly string[];
  readonly facts: Pick<RunFacts, 'quantile' | 'trustRegion'>;
}

/** Result of a decision. The timeline has a mark, and the list of decisions a filter, for each outcome. */
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

/** All outcomes with their labels, in the order in which legends list them. */
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

/** Explains a decision in one or two sentences, with the numbers on which the decision is based. */
export function explain(decision: Decision, context: ExplainContext): string {
  return decision.kind === 'gate' ? explainGate(decision.gate) : explainUpdate(decision, context);
}

function explainUpdate(
  { update, test }: Extract<Decision, { kind: 'update' }>,
  context: ExplainContext,
): string {
  const name = agentName(context, update.agent);
  const last = update.attempts.at(-1);
  switch (update.status) {
    case 'ACCEPT':
      return `${name} ${changeText(update.handover)}: ${acceptance(update, context)}${test === undefined ? '' : ` The test proved a gain: ${bet(test)}.`}`;
    case 'REJECT_KL':
      return `${name} was not changed: all ${plural(update.attempts.length, 'attempt')} left the trust region. ${smallestViolation(update, context)} Its weights and optimizer state were restored, byte for byte.`;
    case 'REJECT_TEST':
      return `${name} was not changed: the step was inside the trust region (${used(last, update)} of the radius), but the test did not prove a gain${test === undefined ? '' : `: ${bet(test)}`}. Its weights and optimizer state were restored.`;
    case 'REJECT_NAN':
      return `${name} was not changed: a loss, gradient or divergence of the last of ${plural(update.attempts.length, 'attempt')} was not a finite number. Its weights and optimizer state were restored.`;
    case 'SKIP':
      return update.trajectories === 0
        ? `${name} was not updated: it sent no message in this batch.`
        : update.fracRewardZeroStd < 1
          ? `${name} was not updated: its messages in all episodes with a learning signal were cut off, and the loss leaves these out.`
          : `${name} was not updated: for every prompt, all episodes had the same reward, so there was no learning signal.`;
    default:
      return update.status satisfies never;
  }
}

/** Describes how an accepted update changed an agent. */
function changeText(handover: HandoverRecord | undefined): string {
  if (handover === undefined) return 'was updated';
  if (handover.finished) return 'was replaced completely by its new model';
  const { weight, weightMin } = handover;
  return `moved a step towards its replacement, whose mixture weight is now ${percent(weight)} on average and at least ${percent(weightMin)}`;
}

function acceptance(update: UpdateRecord, { facts }: ExplainContext): string {
  const { attempts, targetKl } = update;
  const last = attempts.at(-1);
  if (last === undefined) return 'it was accepted.';
  const measured = `the ${quantileName(facts)} of the exact KL is ${nats(last.klQuantile)}, ${used(last, update)} of the radius ${small(targetKl)}`;
  if (last.klQuantile > targetKl)
    return `${measured}: outside of the trust region, which this run records but does not enforce.`;
  const rejected = attempts.slice(0, -1);
  if (rejected.length === 0) return `${measured}, at the first attempt.${probed(update)}`;
  const attempted = rejected.length === 1 ? 'An attempt' : `${rejected.length} attempts`;
  return `${measured}. ${attempted} with a larger step left the trust region (${reasons(rejected)}), so the step was reduced ${rejected.length === 1 ? 'once' : `${rejected.length} times`}.${probed(update)}`;
}

/** Describes how the step size of an agent's first update was chosen; empty for later updates. */
function probed({ probes = [], attempts }: UpdateRecord): string {
  if (probes.length === 0) return '';
  return ` As its first update, ${plural(probes.length, 'small step')} that ${probes.length === 1 ? 'was' : 'were'} measured and undone set the learning rate to ${Number((attempts[0]?.lrScale ?? Number.NaN).toPrecision(3))} times its setting.`;
}

/** Lists the KL quantile of each attempt, e.g. `0.0810, 0.0620`, or the other reason for its rejection. */
function reasons(attempts: readonly AttemptRecord[]): string {
  return attempts
    .map(({ reason, klQuantile, klMessageMean }) =>
      reason === 'kl_message'
        ? `${small(klMessageMean)} nats per message`
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
  if (least === undefined) return 'No KL could be measured.';
  if (least.klQuantile <= targetKl)
    return `The mean KL per message was ${nats(least.klMessageMean)}, more than its radius.`;
  return `The smallest step's ${quantileName(facts)} of the exact KL was ${nats(least.klQuantile)}, ${percent(least.klQuantile / targetKl)} of the radius ${small(targetKl)}.`;
}

function explainGate(gate: GateView): string {
  const { stage, index, prompts, meanDifference, decision } = gate;
  const where = `Test ${index} after stage ${stage}`;
  const seen = `on ${plural(prompts, 'paired prompt')} the candidate's reward differs by ${signed(meanDifference, 3)} on average`;
  if (gate.gate === 'step')
    return `${where}: ${seen}; ${bet(gate)}; ${decision === 'promote' ? 'the update is kept' : 'the update is undone'}.`;
  switch (decision) {
    case 'promote':
      return `${where} promoted the team: ${seen}; ${bet(gate)}. Stage ${stage} is the new champion.`;
    case 'keep':
      return `${where} is undecided: ${seen}; ${bet(gate)}. Training continues, and the champion stays the same.`;
    case 'rollback':
      return `${where} rolled back: ${seen}; the bet on harm reached a wealth of ${wealthText(gate.harmWealth)} (${wealthText(1 / gate.alpha)} proves it). The champion's weights were restored and every radius was halved.`;
    default:
      return decision satisfies never;
  }
}

/** Describes the result of a betting test: `the bet on a gain reached a wealth of 85.1 (82.2 proves it)`. */
function bet({ wealth, alpha }: GateView): string {
  const verb = wealth >= 1 / alpha ? 'proves' : 'would prove';
  return `the bet on a gain reached a wealth of ${wealthText(wealth)} (${wealthText(1 / alpha)} ${verb} it)`;
}

/** Formats the wealth of a betting test with about three digits. */
export function wealthText(wealth: number): string {
  if (wealth >= 1e5) return wealth.toExponential(1);
  return wealth >= 100
    ? wealth.toFixed(0)
    : wealth.toPrecision(2).includes('e')
      ? wealth.toExponential(1)
      : String(Number(wealth.toPrecision(3)));
}

/** Returns the name of the KL quantile, e.g. `99% quantile`. */
export function quantileName({ quantile }: Pick<RunFacts, 'quantile'>): string {
  return `${Number((100 * quantile).toFixed(2))}% quantile`;
}

function used(attempt: AttemptRecord | undefined, { targetKl }: UpdateRecord): string {
  return attempt === undefined ? 'none' : percent(attempt.klQuantile / targetKl);
}

function nats(value: number): string {
  return `${small(value)} nats`;
}
