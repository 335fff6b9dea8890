/**
 * Details of one decision: its explanation, and the attempts of an update or the bets of a sequential test.
 * @module
 */

import { explain, outcomeOf, quantileName, wealthText } from '../../../src/report/explain.ts';
import { small } from '../../../src/report/format.ts';
import type { Decision, GateView, RunView } from '../../../src/run-view/run-view.ts';
import type { UpdateRecord } from '../../../src/train/events.ts';
import type { RunSummary } from '../../../src/watch/dashboard-api.ts';
import { routeTo } from './hooks.ts';
import { OutcomeMark } from './outcome-mark.tsx';

interface DetailProps {
  readonly decision: Decision;
  readonly run: RunSummary;
  readonly view: RunView;
}

export function DecisionDetail({ decision, run, view }: DetailProps) {
  const { stage } = decision.kind === 'update' ? decision.update : decision.gate;
  return (
    <>
      <p class="sentence">
        <OutcomeMark outcome={outcomeOf(decision)} /> <b>Stage {stage}.</b>{' '}
        {explain(decision, { agents: view.agents, facts: run.facts })}
      </p>
      {decision.kind === 'update' ? (
        <Attempts update={decision.update} quantile={quantileName(run.facts)} />
      ) : (
        <Bets gate={decision.gate} />
      )}
      <p>
        <a href={routeTo(run.id, 'transcripts', { b: String(stage) })}>Transcripts of stage {stage}</a>
      </p>
    </>
  );
}

const REASONS = {
  kl_quantile: 'KL above the radius',
  kl_message: 'KL per message above its radius',
  not_finite: 'not finite',
} as const;

function Attempts({ update, quantile }: { readonly update: UpdateRecord; readonly quantile: string }) {
  if (update.attempts.length === 0) return null;
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th>attempt</th>
            <th>step size x</th>
            <th>beta</th>
            <th>{quantile} of KL</th>
            <th>of radius {small(update.targetKl)}</th>
            <th>mean KL</th>
            <th>maximum KL</th>
            <th>KL per message</th>
            <th />
          </tr>
        </thead>
        <tbody>
          {update.probes?.map((probe, index) => (
            <tr key={`probe ${probe.lrScale}`}>
              <td>probe {index + 1}</td>
              <td>{Number(probe.lrScale.toPrecision(3))}</td>
              <td />
              <td>{number(probe.klQuantile)}</td>
              <td>
                <Meter share={probe.klQuantile / update.targetKl} />
              </td>
              <td>{number(probe.klMean)}</td>
              <td />
              <td>{number(probe.klMessageMean)}</td>
              <td>measured and undone</td>
            </tr>
          ))}
          {update.attempts.map((attempt) => (
            <tr key={attempt.attempt}>
              <td>{attempt.attempt + 1}</td>
              <td>{Number(attempt.lrScale.toPrecision(3))}</td>
              <td>{small(attempt.beta)}</td>
              <td>{number(attempt.klQuantile)}</td>
              <td>
                <Meter share={attempt.klQuantile / update.targetKl} />
              </td>
              <td>{number(attempt.klMean)}</td>
              <td>{number(attempt.klMax)}</td>
              <td>{number(attempt.klMessageMean)}</td>
              <td>
                {attempt.accepted ? 'accepted' : attempt.reason === undefined ? '' : REASONS[attempt.reason]}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Bets({ gate }: { readonly gate: GateView }) {
  return (
    <ul class="plain">
      <li>
        bet on a gain: {wealthText(gate.wealth)} of {wealthText(1 / gate.alpha)}{' '}
        <Meter share={gate.wealth * gate.alpha} />
      </li>
      <li>
        bet on harm: {wealthText(gate.harmWealth)} of {wealthText(1 / gate.alpha)}{' '}
        <Meter share={gate.harmWealth * gate.alpha} />
      </li>
    </ul>
  );
}

/**
 * Bar that shows a value relative to its limit, or to the value that a test requires. Values above 1 are
 * highlighted.
 */
function Meter({ share }: { readonly share: number }) {
  if (!Number.isFinite(share)) return <span>–</span>;
  return (
    <span class={share > 1 ? 'meter over' : 'meter'}>
      <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
        <rect class="rail" width="100" height="8" rx="2" />
        <rect class="fill" width={Math.min(100, 100 * share)} height="8" rx="2" />
      </svg>
      {(100 * share).toFixed(0)}%
    </span>
  );
}

/** Formats a number. null stands for NaN or infinity, which JSON cannot represent. */
function number(value: number | null): string {
  return value === null ? '–' : small(value);
}
