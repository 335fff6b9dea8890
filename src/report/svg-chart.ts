/**
 * Draws line charts as SVG text. Equal data give byte-identical text.
 * @module
 */

export interface Axis {
  readonly label: string;
  /** Whether the scale is logarithmic, which requires values > 0; default: linear. */
  readonly log?: boolean;
  /** Visible range; default: the range of the data. Data outside of the visible range is clipped. */
  readonly range?: readonly [number, number];
}

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Whether the line is dashed, e.g. for a reference line such as a limit. */
  readonly dashed?: boolean;
  /** Shaded area between `low` and `high`: a confidence interval, or one layer of a stacked chart. */
  readonly band?: readonly (readonly [x: number, low: number, high: number])[];
  /** Opacity of the shaded area; default 0.18. */
  readonly bandOpacity?: number;
  /** Whether to draw points instead of a line. */
  readonly marks?: boolean;
  /** Index of the colour in the palette; default: the index of the series. */
  readonly colour?: number;
}

/** A labelled vertical line at one x, which marks an event. */
export interface Guide {
  readonly x: number;
  readonly label: string;
}

export interface LineChart {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  /** Dotted vertical lines. */
  readonly guides?: readonly Guide[];
}

const WIDTH = 800;
const HEIGHT = 400;
const FRAME = { left: 72, right: 216, top: 36, bottom: 52 } as const;
/** A palette that colour-blind readers can distinguish (Okabe and Ito). */
export const COLOURS = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000'];

/** Maps the values of an axis to positions in the picture. */
interface Scale {
  /** Position of a value, pixels. */
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

/** Draws a chart. Omits points that are not finite, and points <= 0 on a log axis. */
export function renderLineChart({ title, x, y, series, guides = [] }: LineChart): string {
  const drawn = series.map((one) => ({
    ...one,
    points: one.points.filter(([a, b]) => isShown(a, x) && isShown(b, y)),
    band: (one.band ?? []).filter(([a, b, c]) => isShown(a, x) && isShown(b, y) && isShown(c, y)),
  }));
  const all = drawn.flatMap(({ points, band }) => [
    ...points,
    ...band.flatMap(([a, low, high]): (readonly [number, number])[] => [
      [a, low],
      [a, high],
    ]),
  ]);
  const right = WIDTH - FRAME.right;
  const bottom = HEIGHT - FRAME.bottom;
  const xs = scaleOf(
    x,
    all.map(([a]) => a),
    [FRAME.left, right],
  );
  const ys = scaleOf(
    y,
    all.map(([, b]) => b),
    [bottom, FRAME.top],
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    `<clipPath id="frame"><rect x="${FRAME.left}" y="${FRAME.top}" width="${right - FRAME.left}" height="${bottom - FRAME.top}"/></clipPath>`,
    text(FRAME.left, 20, title, 'font-size="14" font-weight="bold"'),
    ...xs.ticks.flatMap((tick) => [
      line([xs.at(tick), FRAME.top], [xs.at(tick), bottom], 'stroke="#e0e0e0"'),
      text(xs.at(tick), bottom + 16, tickLabel(tick), 'text-anchor="middle"'),
    ]),
    ...ys.ticks.flatMap((tick) => [
      line([FRAME.left, ys.at(tick)], [right, ys.at(tick)], 'stroke="#e0e0e0"'),
      text(FRAME.left - 6, ys.at(tick) + 4, tickLabel(tick), 'text-anchor="end"'),
    ]),
    `<rect x="${FRAME.left}" y="${FRAME.top}" width="${right - FRAME.left}" height="${bottom - FRAME.top}" fill="none" stroke="#404040"/>`,
    text((FRAME.left + right) / 2, HEIGHT - 14, x.label, 'text-anchor="middle"'),
    `<g transform="translate(16 ${(FRAME.top + bottom) / 2}) rotate(-90)">${text(0, 0, y.label, 'text-anchor="middle"')}</g>`,
    ...guides.flatMap((guide) => guideLine(guide, xs, bottom)),
    ...drawn.flatMap((one, k) => bandArea(one, colour(one.colour ?? k), { xs, ys })),
    ...drawn.map(({ points, dashed = false, marks = false, colour: own }, k) => {
      const positions = points.map(([a, b]) => [fixed(xs.at(a)), fixed(ys.at(b))] as const);
      const paint = colour(own ?? k);
      if (marks)
        return `<g fill="${paint}" clip-path="url(#frame)">${positions.map(([a, b]) => `<circle cx="${a}" cy="${b}" r="3"/>`).join('')}</g>`;
      const path = positions.map(([a, b]) => `${a},${b}`).join(' ');
      const style = `stroke="${paint}"${dashed ? ' stroke-dasharray="6 4"' : ''}`;
      return `<polyline points="${path}" fill="none" stroke-width="2" ${style} clip-path="url(#frame)"/>`;
    }),
    ...legend(drawn),
    '</svg>\n',
  ].join('\n');
}

/** Draws the shaded area of a series; [] if the series has none. */
function bandArea(
  { band = [], bandOpacity = 0.18 }: Series,
  paint: string,
  { xs, ys }: { readonly xs: Scale; readonly ys: Scale },
): string[] {
  if (band.length === 0) return [];
  const edge = (side: 1 | 2): string[] =>
    band.map((one) => `${fixed(xs.at(one[0]))},${fixed(ys.at(one[side]))}`);
  const outline = [...edge(2), ...edge(1).reverse()].join(' ');
  return [
    `<polygon points="${outline}" fill="${paint}" fill-opacity="${bandOpacity}" clip-path="url(#frame)"/>`,
  ];
}

function guideLine({ x, label }: Guide, xs: Scale, bottom: number): string[] {
  const at = xs.at(x);
  return [
    line([at, FRAME.top], [at, bottom], 'stroke="#707070" stroke-dasharray="2 3" clip-path="url(#frame)"'),
    text(at + 3, FRAME.top + 12, label, 'font-size="10" fill="#505050"'),
  ];
}

/** Draws the legend to the right of the frame. */
function legend(series: readonly Series[]): string[] {
  const left = WIDTH - FRAME.right + 12;
  return series.flatMap(({ name, dashed = false, marks = false, colour: own }, k) => {
    const y = FRAME.top + 12 + 18 * k;
    const paint = colour(own ?? k);
    const style = `stroke="${paint}" stroke-width="2"${dashed ? ' stroke-dasharray="6 4"' : ''}`;
    const key = marks
      ? `<circle cx="${left + 11}" cy="${y - 4}" r="3" fill="${paint}"/>`
      : line([left, y - 4], [left + 22, y - 4], style);
    return [key, text(left + 28, y, name, 'font-size="11"')];
  });
}

function isShown(value: number, { log = false }: Axis): boolean {
  return Number.isFinite(value) && (!log || value > 0);
}

function scaleOf(
  { log = false, range }: Axis,
  values: readonly number[],
  [from, to]: readonly [number, number],
): Scale {
  const scaled = log ? Math.log10 : (value: number) => value;
  const [low, high] = range ? [scaled(range[0]), scaled(range[1])] : extent(values.map(scaled));
  const at = (value: number): number => from + ((scaled(value) - low) / (high - low)) * (to - from);
  return { at, ticks: log ? decades(low, high) : roundSteps(low, high) };
}

/** Returns the range of the values with a margin. Its bounds always differ. */
function extent(values: readonly number[]): readonly [number, number] {
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (!(low <= high)) return [0, 1];
  const room = low === high ? Math.max(Math.abs(low), 1) * 0.5 : (high - low) * 0.04;
  return [low - room, high + room];
}

/**
 * Returns the ticks of a log axis. They are at most 8 powers of ten, or, on a range of less than two powers,
 * 1, 2 and 5 times each power. The bounds are logarithms to base 10.
 */
function decades(low: number, high: number): number[] {
  if (high - low < 2)
    return [Math.floor(low), Math.floor(low) + 1, Math.floor(low) + 2]
      .flatMap((power) => [1, 2, 5].map((digit) => Number(`${digit}e${power}`)))
      .filter((tick) => Math.log10(tick) >= low - 1e-9 && Math.log10(tick) <= high + 1e-9);
  const first = Math.ceil(low - 1e-9);
  const last = Math.floor(high + 1e-9);
  const every = Math.max(1, Math.ceil((last - first + 1) / 8));
  const ticks = [];
  for (let power = first; power <= last; power += every) ticks.push(10 ** power);
  return ticks;
}

/** Returns about six ticks of a linear axis, at multiples of 1, 2 or 5 times a power of ten. */
function roundSteps(low: number, high: number): number[] {
  const rough = (high - low) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((candidate) => candidate >= rough) ?? rough;
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) ticks.push(k * step);
  return ticks;
}

function tickLabel(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e5) return value.toExponential(1).replace('.0e', 'e');
  return String(Number(value.toPrecision(6)));
}

function colour(k: number): string {
  return COLOURS[k % COLOURS.length] as string;
}

function text(x: number, y: number, content: string, attributes: string): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `<text x="${fixed(x)}" y="${fixed(y)}" ${attributes}>${escaped}</text>`;
}

function line(from: readonly [number, number], to: readonly [number, number], style: string): string {
  const [x1, y1, x2, y2] = [...from, ...to].map(fixed);
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" ${style}/>`;
}

/** Formats a coordinate with two decimals, so that every machine writes the same text. */
function fixed(value: number): string {
  return String(Number(value.toFixed(2)));
}
