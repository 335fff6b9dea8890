/**
 * The view "Setup": settings, warnings, the configuration, and a download of all metrics as CSV.
 * @module
 */
import type { ViewProps } from './view-props.ts';

export function Setup({ run, view }: ViewProps) {
  const { facts } = run;
  const { format: _, ...manifest } = facts.manifest;
  const settings: readonly (readonly [string, string | number])[] = [
    ['folder', run.dir],
    ['team', `${view.agents.join(', ')} (${facts.protocol})`],
    ['task', facts.task],
    ['algorithm', facts.algorithm],
    ['seed', facts.seed],
    ['gate', facts.gate],
    ...Object.entries(manifest),
  ];
  return (
    <div class="grid">
      <section class="card">
        <h3>Run</h3>
        <dl>
          {settings.map(([name, value]) => (
            <>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </>
          ))}
        </dl>
        <p>
          <a href={`/api/runs/${run.id}/metrics.csv`} download>
            All metrics as CSV
          </a>
        </p>
      </section>
      <section class="card">
        <h3>Warnings</h3>
        {view.warnings.length === 0 ? (
          <p class="empty">None.</p>
        ) : (
          <ul class="plain">
            {view.warnings.map(({ stage, message }, k) => (
              <li key={k}>
                {stage > 0 && <b>Stage {stage}. </b>}
                {message}
              </li>
            ))}
          </ul>
        )}
      </section>
      <section class="card wide">
        <h3>config.yaml</h3>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the text scrolls by keyboard */}
        <pre tabIndex={0}>{facts.config}</pre>
      </section>
    </div>
  );
}
