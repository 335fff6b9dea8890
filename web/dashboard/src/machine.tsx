/**
 * The view "Time and memory": time per phase, throughput, memory.
 * @module
 */

import { memoryChart, phaseChart, throughputChart, totalPhases } from '../../../src/report/chart/machine.ts';
import { duration, percent } from '../../../src/report/format.ts';
import type { RunView } from '../../../src/run-view/run-view.ts';
import { ChartCard } from './chart-card.tsx';
import type { ViewProps } from './view-props.ts';

export function Machine({ run, view, theme }: ViewProps) {
  const common = { theme, prefix: run.label };
  return (
    <div class="grid pair">
      <Totals view={view} />
      <ChartCard chart={phaseChart(view)} {...common} />
      <ChartCard chart={throughputChart(view)} {...common} />
      <ChartCard chart={memoryChart(view)} {...common} />
    </div>
  );
}

function Totals({ view }: { readonly view: RunView }) {
  const phases = totalPhases(view);
  const total = phases.reduce((sum, { ms }) => sum + ms, 0);
  return (
    <section class="card">
      <h3>Time by phase, whole run</h3>
      {total === 0 ? (
        <p class="empty">No time was recorded yet.</p>
      ) : (
        <ul class="bars">
          {phases.map(({ phase, ms }) => (
            <li key={phase}>
              <span class="name">{phase}</span>
              <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                <rect class="rail" width="100" height="10" />
                <rect class="fill" width={(100 * ms) / (phases[0]?.ms ?? ms)} height="10" />
              </svg>
              <b>{duration(ms)}</b>
              <small>{percent(ms / total)}</small>
            </li>
          ))}
        </ul>
      )}
      <p class="reading">
        Wall-clock time of the training process, without pauses between processes: {duration(total)}.
      </p>
    </section>
  );
}
