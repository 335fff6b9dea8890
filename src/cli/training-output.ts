/**
 * Runs a training and prints its events to standard output, as text or JSON lines. Text output ends with a
 * summary.
 * @module
 */
import { join, relative } from 'node:path';
import { type TrainRequest, train } from '../app/train.ts';
import { isRunEvent, type TrainingEvent, type TrainingResult } from '../app/training-run.ts';
import type { EventSink } from '../train/events.ts';
import { printDownloads } from './event-printer.ts';
import { prepareInterrupt } from './interrupt.ts';

/** @throws TroupeError if the training fails */
export async function showTraining(
  request: TrainRequest,
  { json }: { readonly json: boolean },
): Promise<void> {
  const createSink = await sinkFactory(json);
  const interruption = prepareInterrupt('stopping after the write that is under way');
  const downloads = printDownloads();
  let sink: EventSink | undefined;
  const onEvent = (event: TrainingEvent): void => {
    if (isRunEvent(event)) {
      // a run that fails before its folder is opened has no sink
      if (sink === undefined && event.kind === 'warning') process.stderr.write(`warning: ${event.message}\n`);
      sink?.emit(event);
      return;
    }
    switch (event.kind) {
      case 'run_opened':
        interruption.listen();
        sink = createSink();
        break;
      case 'worker_lost':
        void sink?.close?.();
        process.stderr.write(`${event.message}\n`);
        break;
      case 'dashboard':
        // not printed to standard output, from which another program may read the events
        process.stderr.write(`dashboard at ${event.url}\n`);
        break;
      case 'tensorboard_failed':
        process.stderr.write(`warning: the export for TensorBoard stopped: ${event.message}\n`);
        break;
      default:
        downloads.onEvent(event);
    }
  };
  try {
    const result = await train({ ...request, signal: interruption.signal, onEvent }).result;
    await sink?.close?.();
    if (!json) await printSummary(result);
  } finally {
    await sink?.close?.();
    downloads.close();
    interruption.release();
  }
}

async function sinkFactory(json: boolean): Promise<() => EventSink> {
  if (json) {
    const { createJsonLinesSink } = await import('../observe/json-lines-sink.ts');
    return () => createJsonLinesSink(process.stdout);
  }
  const { createTerminalSink } = await import('../observe/terminal-sink.ts');
  return () => createTerminalSink({ stream: process.stdout });
}

async function printSummary({ run, checkpoint, report, view }: TrainingResult): Promise<void> {
  const { championNote, renderSummary } = await import('../report/summary.ts');
  const folder = relative(process.cwd(), run) || '.';
  const shown = (path: string): string => join(folder, relative(run, path));
  process.stdout.write(`\n${renderSummary(view)}\n`);
  process.stdout.write(`team to use   ${shown(checkpoint)}\n`);
  const note = championNote(view, folder);
  if (note !== undefined) process.stdout.write(`              ${note}\n`);
  process.stdout.write(`report        ${shown(report)}\n`);
}
