/**
 * Formats numbers and text for people. Pure functions.
 * @module
 */
import type { AccuracyRecord, DifferenceRecord } from '../train/events.ts';

/** Formats a duration: `45s`, `6m10s`, `1h05m`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const two = (value: number): string => String(value).padStart(2, '0');
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  return `${Math.floor(seconds / 3600)}h${two(Math.floor((seconds % 3600) / 60))}m`;
}

/** Formats a count: `850`, `12k`, `4.5M`. */
export function count(value: number): string {
  if (value < 1000) return String(Math.round(value));
  if (value < 1e6) return `${(value / 1e3).toFixed(value < 1e4 ? 1 : 0)}k`;
  return `${(value / 1e6).toFixed(1)}M`;
}

/** Formats a share of 0..1 as a percentage: `44.1%`. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}

/** Formats an accuracy and its 95% interval: `44.1% [40.2, 48.0]`. */
export function accuracy({ mean, low, high }: AccuracyRecord): string {
  return `${percent(mean)} [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`;
}

/** Formats a difference and its 95% interval in percentage points: `+11.2 [+4.1, +18.0]`. */
export function points({ mean, low, high }: Pick<DifferenceRecord, 'mean' | 'low' | 'high'>): string {
  return `${signed(100 * mean, 1)} [${signed(100 * low, 1)}, ${signed(100 * high, 1)}]`;
}

/** Formats a number with its sign. A number that rounds to zero gets `+`. */
export function signed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? `+${text.replace('-', '')}` : value < 0 ? text : `+${text}`;
}

/** Formats a small number with four decimals or in exponential notation: `0.0061`, `1.2e-5`. */
export function small(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value !== 0 && Math.abs(value) < 1e-4) return value.toExponential(1);
  return value.toFixed(4);
}

/** Formats a number with a noun: `1 stage`, `2 stages`. */
export function plural(value: number, noun: string): string {
  return `${value} ${noun}${value === 1 ? '' : 's'}`;
}

/** Escapes control characters except line feeds, so that untrusted text cannot control the terminal. */
export function printable(text: string): string {
  return text.replaceAll(
    /(?!\n)\p{Cc}/gu,
    (character) => `\\x${(character.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`,
  );
}
