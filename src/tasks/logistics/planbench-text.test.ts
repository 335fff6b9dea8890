import { describe, expect, it } from 'vitest';
import { planText } from '../planning/strips.ts';
import { readFact, readPlan } from './planbench-text.ts';

function read(answer: string): string {
  const reading = readPlan(answer);
  return 'plan' in reading ? planText(reading.plan) : `problem: ${reading.problem}`;
}

describe('readPlan', () => {
  it('reads the official wording', () => {
    expect(
      read(
        'load package_0 into airplane_1 at location_1_0\nfly airplane_1 from location_1_0 to location_0_0',
      ),
    ).toBe('(load-airplane p0 a1 l1-0) (fly-airplane a1 l1-0 l0-0)');
    expect(read('drive truck_1 from location_1_0 to location_1_1 in city_1')).toBe(
      '(drive-truck t1 l1-0 l1-1 c1)',
    );
  });

  it('is lenient where the official evaluator is', () => {
    expect(read('Here is my plan:\n1. Load package_0 into truck_0 at location_0_0.\n[PLAN END]')).toBe(
      '(load-truck p0 t0 l0-0)',
    );
    expect(read('  12. drive truck_0 from location_0_0 to location_0_1.')).toBe(
      '(drive-truck t0 l0-0 l0-1 c0)',
    );
    expect(read('<think>fly airplane_0</think>unload package_0 from truck_0 at location_0_0')).toBe(
      '(unload-truck p0 t0 l0-0)',
    );
  });

  it('is strict where the official evaluator is', () => {
    expect(read('load package_0 into truck_0 at location_0_0.')).toBe('(load-truck p0 t0 l0-0.)'); // no such location
    expect(read('- load package_0 into truck_0 at location_0_0')).toBe('');
    expect(read('fly truck_0 from location_0_0 to location_1_0')).toBe('(fly-truck t0 l0-0 l1-0)');
    expect(read('123. load package_0 into truck_0 at location_0_0')).toBe('');
  });

  it('rejects the whole plan where the official evaluator raises an exception', () => {
    const good = 'load package_0 into truck_0 at location_0_0\n';
    for (const line of [
      '1.',
      '7',
      '12',
      'load package_0',
      'drive',
      'load package_0 into city_0',
      'drive truck_0 x1_a y1_b',
    ])
      expect(read(good + line)).toMatch(/^problem: /);
    expect(read(`${good}load package_0 into city_0`)).toBe(
      'problem: "c0" is no vehicle in line "load package_0 into city_0"',
    );
  });
});

it('reads facts', () => {
  expect(
    [
      'location_0_1 is an airport',
      'truck_0 is at location_0_1',
      'location_0_1 is in the city city_0',
      'x is y',
    ].map(readFact),
  ).toEqual(['airport l0-1', 'at t0 l0-1', 'in-city l0-1 c0', undefined]);
});
