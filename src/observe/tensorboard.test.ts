/** Tests TensorBoard event files by reading them with an independent reader. */
import { describe, expect, it } from 'vitest';
import { crc32c, eventFileName, scalarRecord, versionRecord } from './tensorboard.ts';
import { readEvents } from './testing/read-tensorboard.ts';

describe('checksums', () => {
  it('are CRC-32C: the values of RFC 3720, B.4', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
    expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
    expect(crc32c(Buffer.from(Array.from({ length: 32 }, (_, k) => k)))).toBe(0x46dd794e);
    expect(crc32c(Buffer.alloc(0))).toBe(0);
  });
});

describe('an event file', () => {
  it('starts with its version and has every scalar with its step and time', () => {
    const bytes = Buffer.concat([
      versionRecord(1_000),
      scalarRecord(1, 2_500, [
        { tag: 'reward', value: 0.5 },
        { tag: 'agent_0/kl/quantile', value: 1e-5 },
      ]),
      scalarRecord(300, 1.7e12, [{ tag: 'ü', value: -3 }]),
      scalarRecord(2 ** 40, 1.7e12, []),
    ]);
    expect(readEvents(bytes)).toEqual([
      { wallTime: 1, step: 0, version: 'brain.Event:2', scalars: [] },
      {
        wallTime: 2.5,
        step: 1,
        scalars: [
          ['reward', 0.5],
          ['agent_0/kl/quantile', Math.fround(1e-5)],
        ],
      },
      { wallTime: 1.7e9, step: 300, scalars: [['ü', -3]] },
      { wallTime: 1.7e9, step: 2 ** 40, scalars: [] },
    ]);
    expect(eventFileName(1_700_000_000_123)).toBe('events.out.tfevents.1700000000.troupe');
  });

  it('fails its checksums if any byte changes', () => {
    const bytes = scalarRecord(1, 0, [{ tag: 'reward', value: 0.5 }]);
    for (let k = 0; k < bytes.length; k++) {
      const damaged = Buffer.from(bytes);
      damaged[k]! ^= 4;
      expect(() => readEvents(damaged), `byte ${k}`).toThrow();
    }
  });
});
