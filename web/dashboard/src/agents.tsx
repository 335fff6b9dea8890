/**
 * Agents and members: what each learns from, how good each is alone, how healthy its policy is.
 * @module
 */

import { isEmpty } from '../../../src/report/chart/chart.ts';
import { agentAccuracyChart, agentRewardChart } from '../../../src/report/chart/learning.ts';
import { handoverChart, healthCharts } from '../../../src/report/chart/updates.ts';
import { percent } from '../../../src/report/format.ts';
import type { RunView } from '../../../src/run-view/run-view.ts';
import { ChartCard } from './chart-card.tsx';
import type { ViewProps } from './view-props.ts';

export function Agents({ run, view, theme }: ViewProps) {
  const common = { theme, prefix: run.label };
  const handover = handoverChart(view);
  return (
    <>
      <div class="grid">
        <ChartCard chart={agentRewardChart(view)} {...common} />
        <ChartCard chart={agentAccuracyChart(view)} {...common} />
        {!isEmpty(handover) && <ChartCard chart={handover} {...common} />}
        <Members view={view} />
      </div>
      <h2>Health of the policies</h2>
      <div class="grid">
        {healthCharts(view).map((chart) => (
          <ChartCard key={chart.id} chart={chart} {...common} />
        ))}
      </div>
    </>
  );
}

/** Accuracies of the closing measurement, member by member. */
function Members({ view }: { readonly view: RunView }) {
  const measured = view.evaluations.filter(({ agents: members }) => members.length > 0);
  if (measured.length === 0) return null;
  return (
    <section class="card wide">
      <h3>Closing measurement by member</h3>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th />
              <th>team</th>
              {view.agents.map((name) => (
                <th key={name}>{name}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {measured.map(({ label, team, agents: members }) => (
              <tr key={label}>
                <th scope="row">{label}</th>
                {[team, ...members].map(({ mean, low, high }, k) => (
                  <td key={k}>
                    {Number.isFinite(mean) && mean !== null ? (
                      <>
                        <b>{percent(mean)}</b>{' '}
                        <small>
                          [{(100 * low).toFixed(1)}, {(100 * high).toFixed(1)}]
                        </small>
                      </>
                    ) : (
                      '–'
                    )}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
