/**
 * A chart with title, explanation, values at the cursor, and export buttons. In the focused chart, the arrow
 * keys move the cursor.
 * @module
 */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { chartCsv, isEmpty, type RunChart } from '../../../src/report/chart/chart.ts';
import { renderLineChart } from '../../../src/report/svg-chart.ts';
import { saveCsv, savePng, saveSvg } from './export.ts';
import { valueText } from './format.ts';
import { type PlotData, paint, plotData, plotOptions, shapeOf, type Theme } from './plot.ts';

interface ChartCardProps {
  readonly chart: RunChart;
  readonly theme: Theme;
  /** Prefix of the file names of exports. */
  readonly prefix: string;
  readonly wide?: boolean;
}

const HEIGHT = 220;

export function ChartCard({ chart, theme, prefix, wide = false }: ChartCardProps) {
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [at, setAt] = useState<number | null>(null);
  const data = useMemo(() => plotData(chart), [chart]);
  const empty = isEmpty(chart);
  const toggle = (name: string) => {
    const next = new Set(hidden);
    if (!next.delete(name)) next.add(name);
    setHidden(next);
  };
  return (
    <figure class={wide ? 'card wide' : 'card'} data-chart={chart.id}>
      <figcaption>
        <h3>{chart.title}</h3>
        <p class="axis">{chart.y.label}</p>
      </figcaption>
      {empty ? (
        <p class="empty">{chart.whenEmpty}</p>
      ) : (
        <>
          <Plot chart={chart} data={data} theme={theme} hidden={hidden} at={at} onCursor={setAt} />
          <Readout chart={chart} data={data} theme={theme} hidden={hidden} at={at} onToggle={toggle} />
        </>
      )}
      <p class="reading">{chart.reading}</p>
      {!empty && (
        <Exports
          name={`${prefix}-${chart.id}`}
          svg={() => renderLineChart(chart)}
          csv={() => chartCsv(chart)}
        />
      )}
    </figure>
  );
}

interface ExportsProps {
  readonly name: string;
  readonly svg: () => string;
  readonly csv: () => string;
}

export function Exports({ name, svg, csv }: ExportsProps) {
  return (
    <div class="exports">
      <button type="button" onClick={() => saveSvg(name, svg())} aria-label={`Save ${name} as SVG`}>
        SVG
      </button>
      <button type="button" onClick={() => void savePng(name, svg())} aria-label={`Save ${name} as PNG`}>
        PNG
      </button>
      <button type="button" onClick={() => saveCsv(name, csv())} aria-label={`Save ${name} as CSV`}>
        CSV
      </button>
    </div>
  );
}

interface PlotProps {
  readonly chart: RunChart;
  readonly data: PlotData;
  readonly theme: Theme;
  readonly hidden: ReadonlySet<string>;
  /** Index of the x value at the cursor; null if there is no cursor. */
  readonly at: number | null;
  readonly onCursor: (index: number | null) => void;
}

function Plot({ chart, data, theme, hidden, at, onCursor }: PlotProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const shape = `${theme} ${shapeOf(chart)} ${[...hidden].join(' ')}`;

  useEffect(() => {
    const element = host.current!;
    const width = () => Math.max(160, element.clientWidth);
    plot.current = new uPlot(
      plotOptions(chart, data, { width: width(), height: HEIGHT, theme, hidden, onCursor }),
      data.columns,
      element,
    );
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: width(), height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [shape]);

  useEffect(() => {
    if (plot.current !== undefined && plot.current.data !== data.columns) plot.current.setData(data.columns);
  }, [data]);

  const move = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') plot.current?.setCursor({ left: -10, top: -10 });
    const xs = data.columns[0];
    const last = xs.length - 1;
    const steps = { ArrowLeft: (at ?? last + 1) - 1, ArrowRight: (at ?? -1) + 1, Home: 0, End: last };
    const to = steps[event.key as keyof typeof steps] as number | undefined;
    if (to === undefined || plot.current === undefined) return;
    event.preventDefault();
    const x = xs[Math.max(0, Math.min(last, to))]!;
    plot.current.setCursor({ left: plot.current.valToPos(x, 'x'), top: 10 });
  };
  return (
    <div
      class="plot"
      ref={host}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys move the cursor
      tabIndex={0}
      role="group"
      aria-label={`${chart.title}. ${chart.reading} Use the arrow keys to read values.`}
      onKeyDown={move}
    />
  );
}

interface ReadoutProps extends Omit<PlotProps, 'onCursor'> {
  readonly onToggle: (name: string) => void;
}

/** Legend of the chart. It shows the values at the cursor, or the newest values if there is no cursor. */
function Readout({ chart, data, theme, hidden, at, onToggle }: ReadoutProps) {
  const xs = data.columns[0];
  const index = at !== null && at < xs.length ? at : undefined;
  const valueIn = (column: number) => {
    const values = data.columns[column] as readonly (number | null)[];
    return index === undefined ? values.findLast((value) => value !== null) : values[index];
  };
  return (
    <div class="readout">
      <span class="where" aria-live="polite">
        {index === undefined ? 'newest' : `${chart.x.label} ${xs[index]}`}
      </span>
      {chart.series.map(({ name, dashed, marks, colour }, k) => {
        const bounds = data.bandAt[k]?.map(valueIn);
        // a stacked series is drawn as an area between two bounds, and its value is the height of this area
        const isPart = chart.unit === 'seconds' && bounds !== undefined;
        const value = isPart ? Number(bounds[1]) - Number(bounds[0]) : valueIn(data.lineAt[k]!);
        return (
          <button
            type="button"
            key={name}
            class={dashed ? 'series dashed' : 'series'}
            aria-pressed={!hidden.has(name)}
            onClick={() => onToggle(name)}
            title={`Show or hide ${name}`}
          >
            <span class={marks ? 'swatch dot' : 'swatch'} style={{ color: paint(theme, colour ?? k) }} />
            <span class="name">{name}</span> <b>{valueText(value, chart.unit)}</b>
            {!isPart && bounds?.every((bound) => typeof bound === 'number') && (
              <small>
                [{valueText(bounds[0], chart.unit)}, {valueText(bounds[1], chart.unit)}]
              </small>
            )}
          </button>
        );
      })}
    </div>
  );
}
