/**
 * A run's view, folded from its events without any file.
 * @module
 */
import type { RunEvent } from '../../train/events.ts';
import { createCondenser } from '../condense.ts';
import { createRunView, foldRows, type RunView } from '../run-view.ts';

export function viewOf(events: readonly RunEvent[]): RunView {
  const view = createRunView();
  const condense = createCondenser();
  foldRows(
    view,
    events.flatMap((event) => condense(event) ?? []),
  );
  return view;
}
