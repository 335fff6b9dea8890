/**
 * The view "KL and tests": the KL divergence of each update compared with its limit (radius), the KL
 * coefficient beta, the step size, acceptance tests, and certified compared with measured gains.
 * @module
 */
import { useState } from 'preact/hooks';
import { certificateChart } from '../../../src/report/chart/learning.ts';
import {
  betaChart,
  klChart,
  stepScaleChart,
  wealthChart,
  wealthPathChart,
} from '../../../src/report/chart/updates.ts';
import { explain } from '../../../src/report/explain.ts';
import { gatesOf } from '../../../src/run-view/selectors.ts';
import { ChartCard } from './chart-card.tsx';
import type { ViewProps } from './view-props.ts';

export function Gates(props: ViewProps) {
  const { run, view, theme } = props;
  const common = { theme, prefix: run.label };
  return (
    <>
      <h2>Gate 1: the trust region</h2>
      <div class="grid">
        {view.agents.map((name, id) => (
          <ChartCard key={name} chart={klChart(view, id)} {...common} />
        ))}
        <ChartCard chart={betaChart(view)} {...common} />
        <ChartCard chart={stepScaleChart(view)} {...common} />
      </div>
      <h2>Gate 2: betting tests</h2>
      {run.facts.gate === 'off' && gatesOf(view).length === 0 ? (
        <p class="empty card">
          This run has no tests (gate.kind: off): every update inside its radius is accepted.
        </p>
      ) : (
        <div class="grid pair">
          <ChartCard chart={wealthChart(view)} {...common} />
          <OneTest {...props} />
        </div>
      )}
      <h2>Certificates</h2>
      <div class="grid">
        <ChartCard chart={certificateChart(view)} {...common} wide />
      </div>
    </>
  );
}

function OneTest({ run, view, theme }: ViewProps) {
  const gates = gatesOf(view);
  const [selected, setSelected] = useState<number>();
  const gate = gates.find(({ index }) => index === selected) ?? gates.at(-1);
  if (gate === undefined) return <p class="empty card">There is no test yet.</p>;
  return (
    <section class="stack">
      <label class="filters">
        Test{' '}
        <select
          value={String(gate.index)}
          onChange={({ currentTarget }) => setSelected(Number(currentTarget.value))}
        >
          {[...gates].reverse().map(({ index, stage, decision }) => (
            <option key={index} value={String(index)}>
              {index}, stage {stage}: {decision}
            </option>
          ))}
        </select>
      </label>
      <ChartCard key={gate.index} chart={wealthPathChart(gate)} theme={theme} prefix={run.label} />
      <p class="sentence">{explain({ kind: 'gate', gate }, { agents: view.agents, facts: run.facts })}</p>
    </section>
  );
}
