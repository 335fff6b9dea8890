/** Tests aborts and closing that happen after the worker has finished the message. */
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import type { GenerationRequest } from '../generation.ts';
import type { ModelCall } from './connection.ts';
import type { Frame } from './frames.ts';
import { RemoteGenerator } from './remote-generator.ts';

const frame = (value: unknown, arrays: [string, Float32Array | Int32Array][] = []): Frame => ({
  header: { value },
  arrays: new Map(arrays),
});

/** Creates a generator whose worker sends all tokens at once, before an abort can reach it. */
function overtakenGenerator(tokens = [5, 6, 2]): RemoteGenerator {
  const call = async ({ onFrame }: ModelCall): Promise<Frame> => {
    await new Promise(setImmediate);
    for (const token of tokens)
      onFrame?.(
        frame(null, [
          ['token', Int32Array.of(token)],
          ['logp', Float32Array.of(-1)],
        ]),
      );
    return frame({ finish: 'stop' });
  };
  return new RemoteGenerator({ call, endTokens: [2], maxPositions: 64, cacheBytesPerToken: 1 });
}

const request = (changes: Partial<GenerationRequest> = {}): GenerationRequest => ({
  context: Int32Array.of(1),
  stream: randomStream(1),
  temperature: 1,
  topP: 1,
  maxTokens: 20,
  ...changes,
});

describe('RemoteGenerator with a worker that has finished', () => {
  it('rejects with the reason of an abort, and calls onToken no more', async () => {
    const [abort, heard] = [new AbortController(), [] as number[]];
    const reason = new Error('enough');
    const onToken = ({ token }: { token: number }): undefined => {
      heard.push(token);
      abort.abort(reason);
    };
    const message = overtakenGenerator().generate(request({ signal: abort.signal, onToken }));
    await expect(message).rejects.toBe(reason);
    expect(heard).toEqual([5]);
  });

  it('rejects a message that its onToken both aborts and ends', async () => {
    const abort = new AbortController();
    const reason = new Error('enough');
    const onToken = (): boolean => {
      abort.abort(reason);
      return false;
    };
    const message = overtakenGenerator().generate(request({ signal: abort.signal, onToken }));
    await expect(message).rejects.toBe(reason);
  });

  it('rejects an in-flight message when it is closed', async () => {
    const generator = overtakenGenerator();
    const message = generator.generate(request());
    const closing = generator.close();
    await expect(message).rejects.toMatchObject({ code: 'TROUPE_ENGINE_CLOSED' });
    await closing;
  });

  it('ends the message at the token for which onToken returns false', async () => {
    const generation = await overtakenGenerator().generate(request({ onToken: ({ token }) => token !== 6 }));
    expect([...generation.tokens, generation.finish]).toEqual([5, 6, 'stop']);
  });

  it('rejects with an error that onToken throws', async () => {
    const broken = new Error('a listener broke');
    const onToken = (): never => {
      throw broken;
    };
    await expect(overtakenGenerator().generate(request({ onToken }))).rejects.toBe(broken);
  });
});
