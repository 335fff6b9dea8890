import { describe, expect, it } from 'vitest';
import { encodeFrame, type Frame, FrameReader } from './frames.ts';
import { floatRows, intRows, ragged } from './ragged.ts';

const arrays = {
  ids: Int32Array.of(1, -2, 3),
  logp: Float32Array.of(-0.5, Number.NEGATIVE_INFINITY),
  none: new Float64Array(0),
  words: Uint32Array.of(2 ** 32 - 1),
};
const bytes = (): Buffer => Buffer.concat(encodeFrame({ kind: 'x', text: 'ä' }, arrays));

describe('frames', () => {
  it('round-trip when their bytes arrive in chunks of any size', () => {
    const two = Buffer.concat([bytes(), bytes()]);
    for (const size of [1, 7, 64, two.length]) {
      const reader = new FrameReader();
      const frames: Frame[] = [];
      for (let place = 0; place < two.length; place += size)
        frames.push(...reader.read(two.subarray(place, place + size)));
      expect(reader.pending).toBe(0);
      expect(frames.map(({ header }) => header)).toEqual([
        { kind: 'x', text: 'ä' },
        { kind: 'x', text: 'ä' },
      ]);
      for (const frame of frames) expect(Object.fromEntries(frame.arrays)).toEqual(arrays);
    }
  });

  it('are rejected if a byte is damaged; a damaged length can leave the frame incomplete', () => {
    const whole = bytes();
    for (let place = 0; place < whole.length; place++) {
      const broken = Buffer.from(whole);
      broken[place] = whole[place]! ^ 0x40;
      const reader = new FrameReader();
      let complete = false;
      try {
        complete = reader.read(broken).length > 0;
      } catch (error) {
        expect((error as Error).message).toMatch(/^engine torch: damaged frame: /);
      }
      // padding bytes between arrays, which are 0, have no checksum
      if (complete) expect(whole[place], `byte ${place}`).toBe(0);
    }
  });

  it('contain the bytes of an array view only, not of its whole buffer', () => {
    const view = Float32Array.of(1, 2, 3, 4).subarray(1, 3);
    const [frame] = new FrameReader().read(Buffer.concat(encodeFrame({}, { view })));
    expect(frame?.arrays.get('view')).toEqual(Float32Array.of(2, 3));
  });
});

describe('rows', () => {
  it('of different lengths, including 0, round-trip to separate arrays', () => {
    const rows = [[1, 2], [], [3]];
    const [frame] = new FrameReader().read(
      Buffer.concat(
        encodeFrame({}, { ...ragged('a', rows, Int32Array), ...ragged('b', rows, Float32Array) }),
      ),
    );
    expect(intRows(frame!, 'a').map((row) => [...row])).toEqual(rows);
    expect(floatRows(frame!, 'b').map((row) => [...row])).toEqual(rows);
    expect(() => floatRows(frame!, 'a')).toThrow('expected an array "a" from the worker, got none');
  });
});
