/** What a message is told when its worker ends it before it hears that nobody wants it any more. */
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

/** A worker that is done with all its tokens by the time that anything else is heard. */
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

describe('RemoteGenerator, overtaken by its worker', () => {
  it('rejects with the reason of an abort, and tells the listener nothing after it', async () => {
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

  it('rejects one that is aborted by the listener that ends it', async () => {
    const abort = new AbortController();
    const reason = new Error('enough');
    const onToken = (): boolean => {
      abort.abort(reason);
      return false;
    };
    const message = overtakenGenerator().generate(request({ signal: abort.signal, onToken }));
    await expect(message).rejects.toBe(reason);
  });

  it('ends a message that was under way when it was closed', async () => {
    const generator = overtakenGenerator();
    const message = generator.generate(request());
    const closing = generator.close();
    await expect(message).rejects.toMatchObject({ code: 'TROUPE_ENGINE_CLOSED' });
    await closing;
  });

  it('keeps what a listener wanted, and no token more', async () => {
    const generation = await overtakenGenerator().generate(request({ onToken: ({ token }) => token !== 6 }));
    expect([...generation.tokens, generation.finish]).toEqual([5, 6, 'stop']);
  });

  it('passes on the fault of a listener', async () => {
    const broken = new Error('a listener broke');
    const onToken = (): never => {
      throw broken;
    };
    await expect(overtakenGenerator().generate(request({ onToken }))).rejects.toBe(broken);
  });
});
