import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseTaskOptions } from '../../task/definition.ts';
import { instanceOfPddl, readInstances } from './instances.ts';
import { createPlanbench, planbench } from './planbench.ts';

const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/planbench/', import.meta.url));
const BLOCKS = join(FIXTURES, 'blocksworld_task_1_plan_generation.json');
const PACKAGES = join(FIXTURES, 'logistics_task_1_plan_generation.json');

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'planbench-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

describe('planbench', () => {
  const task = createPlanbench({ path: BLOCKS, morePath: PACKAGES });

  it('has prompts in the test split and none for training', () => {
    expect([task.size('train'), task.size('validation'), task.size('test')]).toEqual([0, 0, 4]);
    expect(() => task.item('train', 0)).toThrow('expected an index below 0 in the train split');
    const { id, prompt, problem, difficulty } = task.item('test', 0);
    expect([id, difficulty]).toEqual(['blocksworld-2', '4']);
    expect(prompt).toMatch(/^I am playing with a set of blocks.*\[PLAN\]$/s);
    expect(problem).toMatch(/^\[STATEMENT\]\nAs initial conditions.*\nMy goal is to have that [^.]*\.$/s);
  });

  it('verifies answers in words', () => {
    const blocks = task.item('test', 0);
    const right = `<think>pick up the red block</think>
Unstack the yellow block from on top of the orange block
2. Put down the yellow block.
pick up the orange block, then
stack the orange block on top of the red block
[PLAN END]`;
    expect(task.verify(blocks, right)).toMatchObject({
      correct: true,
      reason: 'reaches the goal in 4 actions',
    });
    expect(
      task.verify(blocks, right.replace('orange block on top of the red', 'orange block on top of the blue'))
        .reason,
    ).toBe('action 4, stack orange on blue: blue is not clear');
  });

  it('requires a shortest plan with accept optimal', () => {
    const optimal = createPlanbench({ path: BLOCKS, accept: 'optimal' });
    const item = optimal.item('test', 0);
    const lines = [
      'unstack the yellow block from on top of the orange block',
      'put down the yellow block',
      'pick up the orange block',
      'stack the orange block on top of the red block',
    ];
    expect(optimal.verify(item, lines.join('\n')).correct).toBe(true);
    const long = [
      ...lines.slice(0, 2),
      'pick up the yellow block',
      'put down the yellow block',
      ...lines.slice(2),
    ];
    expect(optimal.verify(item, long.join('\n')).reason).toBe('reaches the goal in 6 actions, but 4 suffice');
    expect(task.verify(task.item('test', 0), long.join('\n')).correct).toBe(true);
  });

  it('parses the same problem from a prompt and from its PDDL file', () => {
    const sorted = ({ init, goal }: { init: readonly string[]; goal: readonly string[] }) => [
      [...init].sort(),
      [...goal].sort(),
    ];
    for (const [path, domain] of [
      [BLOCKS, 'blocksworld'],
      [PACKAGES, 'logistics'],
    ] as const) {
      const lines = readFileSync(join(FIXTURES, `${domain}_instances.jsonl`), 'utf8')
        .trimEnd()
        .split('\n');
      const pddl = new Map(
        lines.map((line) => JSON.parse(line)).map((one) => [`${domain}-${one.instance_id}`, one.pddl]),
      );
      for (const { id, problem } of readInstances(path)) {
        const official = instanceOfPddl(domain, pddl.get(id) ?? '')?.problem;
        expect(official && sorted(problem)).toEqual(official && sorted(official));
        expect(official).toBeDefined();
      }
    }
  });
});

it('names the file or instance that cannot be used', () => {
  const path = join(dir, 'x.json');
  const attempt = (value: unknown) => () => {
    writeFileSync(path, JSON.stringify(value));
    createPlanbench({ path });
  };
  expect(() => createPlanbench({ path: join(dir, 'none.json') })).toThrow(
    'expected a JSON file that can be read',
  );
  expect(attempt({ domain: 'depots', instances: [] })).toThrow(
    'expected a "domain" (blocksworld or logistics)',
  );
  expect(attempt({ domain: 'logistics', instances: [{ instance_id: 7 }] })).toThrow(
    `${path}: instance 7: expected texts`,
  );
  const query =
    '[STATEMENT]\nAs initial conditions I have that, the moon is blue.\nMy goal is to have that x.';
  expect(attempt({ domain: 'logistics', instances: [{ instance_id: 7, query }] })).toThrow(
    'got "the moon is blue"',
  );
  expect(() => parseTaskOptions(planbench, { accept: 'best' })).toThrow(
    /path: expected the name.*accept: expected one of valid, optimal/s,
  );
});
