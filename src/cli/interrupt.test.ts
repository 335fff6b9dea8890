import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { listenForInterrupt, prepareInterrupt } from './interrupt.ts';

function fakeProcess() {
  const written: string[] = [];
  const exits: number[] = [];
  const source = Object.assign(new EventEmitter(), {
    stderr: { write: (text: string) => written.push(text) },
    exit: (code: number) => exits.push(code),
  }) as unknown as NodeJS.Process;
  return { source, written, exits };
}

describe('Ctrl-C', () => {
  it('aborts the signal, then ends the process', () => {
    const { source, written, exits } = fakeProcess();
    const { signal, release } = listenForInterrupt('stopping', source);
    source.emit('SIGINT');
    expect([signal.aborted, exits, written]).toEqual([
      true,
      [],
      ['\nstopping; Ctrl-C again stops at once\n'],
    ]);
    source.emit('SIGINT');
    expect(exits).toEqual([130]);
    release();
    expect(source.listenerCount('SIGINT')).toBe(0);
  });

  it('has its usual effect until the deferred handler listens', () => {
    const { source } = fakeProcess();
    const { signal, listen, release } = prepareInterrupt('stopping', source);
    expect(source.listenerCount('SIGINT')).toBe(0);
    listen();
    listen();
    expect(source.listenerCount('SIGINT')).toBe(1);
    source.emit('SIGINT');
    expect(signal.aborted).toBe(true);
    release();
    expect(source.listenerCount('SIGINT')).toBe(0);
  });
});
