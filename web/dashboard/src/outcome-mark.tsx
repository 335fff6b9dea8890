/**
 * The icon of a decision's outcome, with the same colour and shape as in the timeline.
 * @module
 */
import { MARKS } from '../../../src/report/chart/timeline.ts';

const CELL = 18;

export function OutcomeMark({ outcome }: { readonly outcome: keyof typeof MARKS }) {
  return (
    <svg class="outcome" width={CELL} height={CELL} aria-hidden="true">
      <rect class={`cell ${outcome}`} width={CELL} height={CELL} rx={3} />
      <text class={`mark ${outcome}`} x={CELL / 2} y={13}>
        {MARKS[outcome].mark}
      </text>
    </svg>
  );
}
