/**
 * Writes the report of a finished run from all events of the run, including those before it was resumed.
 * @module
 */
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { reportPictures } from '../report/report-pictures.ts';
import { renderReport } from '../report/summary.ts';
import { foldEvents } from '../run-view/event-rows.ts';
import type { DiskRunStore } from '../store/disk-run-store.ts';
import { CHECKPOINTS, REPORT_FILE, REPORT_PICTURES } from '../store/layout.ts';
import { readEvents } from '../store/read-run.ts';
import { packageVersion } from './package-version.ts';
import type { TrainingResult } from './training-run.ts';

/** @throws StoreError if the report cannot be written */
export function writeTrainingReport(store: DiskRunStore, config: Config): TrainingResult {
  const events = readEvents(store.dir);
  const view = foldEvents(events);
  const pictures = reportPictures(view);
  const facts = [
    ['team', `${config.agents.map(({ name }) => name).join(', ')} (${config.protocol.kind})`],
    ['task', config.task.name],
    ['algorithm', config.algorithm],
    ['seed', String(config.seed)],
    ['stages', String(config.train.stages)],
    ['troupe', packageVersion()],
  ] as const;
  store.writeReport(
    renderReport(view, {
      title: config.name,
      facts,
      pictures: pictures.map((picture) => ({ ...picture, path: `${REPORT_PICTURES}/${picture.name}.svg` })),
    }),
    Object.fromEntries(pictures.map(({ name, svg }) => [name, svg])),
  );
  const best = store.champion() ? 'champion' : (store.lastCheckpoint()?.name ?? '');
  return {
    run: store.dir,
    checkpoint: join(store.dir, CHECKPOINTS, best),
    report: join(store.dir, REPORT_FILE),
    view,
  };
}
