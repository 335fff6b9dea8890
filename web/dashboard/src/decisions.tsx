/**
 * The view "Decisions": the timeline of decisions, and a list that explains each decision, with filters by
 * outcome and agent.
 * @module
 */
import { useState } from 'preact/hooks';
import { explain, OUTCOMES, type Outcome, outcomeOf } from '../../../src/report/explain.ts';
import type { Decision, RunView } from '../../../src/run-view/run-view.ts';
import type { RunSummary } from '../../../src/watch/dashboard-api.ts';
import { OutcomeMark } from './outcome-mark.tsx';
import { Timeline } from './timeline.tsx';
import type { ViewProps } from './view-props.ts';

/** Number of decisions per page of the list. A long run has thousands. */
const PAGE_SIZE = 60;

export function Decisions({ run, view, route }: ViewProps) {
  const [outcome, setOutcome] = useState<Outcome | 'all'>('all');
  const [agent, setAgent] = useState('all');
  const [shown, setShown] = useState(PAGE_SIZE);
  const present = new Set(view.decisions.map(outcomeOf));
  const matching = view.decisions
    .filter(
      (decision) =>
        (outcome === 'all' || outcomeOf(decision) === outcome) &&
        (agent === 'all' || (decision.kind === 'update' && String(decision.update.agent) === agent)),
    )
    .reverse();
  return (
    <div class="grid">
      <section class="card wide">
        <h3>Updates and tests</h3>
        <Timeline run={run} view={view} route={route} />
      </section>
      <section class="card wide">
        <h3>Decisions, newest first</h3>
        <div class="filters">
          <label>
            Outcome{' '}
            <select
              value={outcome}
              onChange={({ currentTarget }) => setOutcome(currentTarget.value as Outcome)}
            >
              <option value="all">all</option>
              {OUTCOMES.filter((one) => present.has(one.outcome)).map((one) => (
                <option key={one.outcome} value={one.outcome}>
                  {one.label}
                </option>
              ))}
            </select>
          </label>
          <label>
            Agent{' '}
            <select value={agent} onChange={({ currentTarget }) => setAgent(currentTarget.value)}>
              <option value="all">all</option>
              {view.agents.map((name, id) => (
                <option key={name} value={String(id)}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <span class="note">
            {matching.length} of {view.decisions.length}
          </span>
        </div>
        {matching.length === 0 ? (
          <p class="empty">
            {view.decisions.length === 0 ? 'There is no decision yet.' : 'No decision matches the filters.'}
          </p>
        ) : (
          <ol class="decisions">
            {matching.slice(0, shown).map((decision) => (
              <DecisionItem key={keyOf(decision)} decision={decision} run={run} view={view} />
            ))}
          </ol>
        )}
        {matching.length > shown && (
          <button type="button" onClick={() => setShown(shown + PAGE_SIZE)}>
            Show {Math.min(PAGE_SIZE, matching.length - shown)} older
          </button>
        )}
      </section>
    </div>
  );
}

function keyOf(decision: Decision): string {
  return decision.kind === 'update'
    ? `${decision.update.stage} ${decision.update.agent}`
    : `test ${decision.gate.index}`;
}

interface DecisionItemProps {
  readonly decision: Decision;
  readonly run: RunSummary;
  readonly view: RunView;
}

export function DecisionItem({ decision, run, view }: DecisionItemProps) {
  const { stage } = decision.kind === 'update' ? decision.update : decision.gate;
  return (
    <li>
      <OutcomeMark outcome={outcomeOf(decision)} />
      <span>
        <b>Stage {stage}.</b> {explain(decision, { agents: view.agents, facts: run.facts })}
      </span>
    </li>
  );
}
