/**
 * The view "Agents": reward and accuracy of each agent, the progress of its handover to a new model, and
 * statistics of its policy such as entropy.
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
        <AgentAccuracies view={view} />
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

/** Table with the accuracy of each agent in the evaluation at the end of training. */
function AgentAccuracies({ view }: { readonly view: RunView }) {
  const evaluations = view.evaluations.filter(({ agents }) => agents.length > 0);
  if (evaluations.length === 0) return null;
  return (
    <section class="card wide">
      <h3>Closing evaluation by agent</h3>
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
            {evaluations.map(({ label, team, agents }) => (
              <tr key={label}>
                <th scope="row">{label}</th>
                {[team, ...agents].map(({ mean, low, high }, k) => (
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
