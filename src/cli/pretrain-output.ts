/**
 * Prints the progress of pretraining to standard output: one updated line per model, then the model's size
 * and losses.
 * @module
 */
import { relative } from 'node:path';
import type { PretrainEvent } from '../app/pretrain.ts';
import { createProgressLine, type ProgressLine, progressText } from '../observe/progress-line.ts';
import type { EventPrinter } from './event-printer.ts';

export function printPretraining(stream: NodeJS.WriteStream = process.stdout): EventPrinter<PretrainEvent> {
  let line: ProgressLine | undefined;
  const close = (): void => {
    line?.close();
    line = undefined;
  };
  return {
    onEvent(event) {
      const name = relative(process.cwd(), event.folder);
      line ??= createProgressLine({ stream });
      if (event.kind === 'pretrain_step') {
        const { step: done, steps: total, elapsedMs, loss } = event;
        const progress = progressText(`pretrain ${name}`, { done, total, elapsedMs });
        line.update(`${progress} · loss ${loss.toFixed(3)}`);
      } else if (event.kind === 'pretrain_finished') {
        const { parameters, steps, loss, unseenLoss } = event;
        const size = `${(parameters / 1e6).toFixed(2)}M parameters`;
        const unseen = unseenLoss === undefined ? '' : `, ${unseenLoss.toFixed(3)} on unseen problems`;
        line.note(`pretrained ${name}: ${size}, loss ${loss.toFixed(3)} after ${steps} steps${unseen}`);
        close();
      }
    },
    close,
  };
}
