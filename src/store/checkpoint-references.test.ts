import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { listCheckpoints } from './checkpoint-folder.ts';
import { neededCheckpoints } from './checkpoint-references.ts';
import { pruneCheckpoints } from './checkpoints.ts';

let run: string;
let dir: string;
beforeEach(() => {
  run = join(fs.mkdtempSync(join(tmpdir(), 'troupe-references-')), 'run');
  dir = join(run, 'checkpoints');
  for (let stage = 1; stage <= 6; stage++) {
    fs.mkdirSync(join(dir, `stage-000${stage}`, 'agent_0'), { recursive: true });
    fs.writeFileSync(join(dir, `stage-000${stage}`, 'COMPLETE'), '{}');
  }
});
afterEach(() => {
  vi.unstubAllEnvs();
  fs.rmSync(join(run, '..'), { recursive: true, force: true });
});

function writeAdapter(folder: string, base: unknown): void {
  fs.mkdirSync(join(dir, folder), { recursive: true });
  fs.writeFileSync(
    join(dir, folder, 'adapter_config.json'),
    JSON.stringify({ base_model_name_or_path: base }),
  );
}

/** Deletes old checkpoints; returns the stages that are left. */
function pruned(options: { keepLast: number; champion?: string }): number[] {
  pruneCheckpoints(dir, options);
  return listCheckpoints(dir);
}

describe('deleting old checkpoints', () => {
  it('deletes all but the newest and the champion if nothing refers to others', () => {
    fs.symlinkSync('stage-0002', join(dir, 'champion'));
    expect(pruned({ keepLast: 2, champion: 'stage-0002' })).toEqual([2, 5, 6]);
  });

  it('keeps the bases of adapters, also through the base of a base, in mixtures and through the champion', () => {
    writeAdapter('stage-0006/agent_0', join(dir, 'stage-0003', 'agent_0'));
    writeAdapter('stage-0003/agent_0/incumbent', '../../../stage-0001/agent_0');
    writeAdapter('stage-0002/agent_0', join(dir, 'stage-0004', 'agent_0'));
    expect(pruned({ keepLast: 1, champion: 'stage-0002' })).toEqual([1, 2, 3, 4, 6]);
  });

  it('keeps targets of links, and checkpoints that the configuration names', () => {
    fs.symlinkSync('stage-0001', join(dir, 'best'));
    fs.symlinkSync(join('checkpoints', 'stage-0002'), join(run, 'demo'));
    fs.symlinkSync('../../stage-0003/agent_0', join(dir, 'stage-0006', 'agent_0', 'base'));
    fs.writeFileSync(join(run, 'config.yaml'), `agents:\n  - model: ${join(dir, 'stage-0004', 'agent_0')}\n`);
    expect(pruned({ keepLast: 1 })).toEqual([1, 2, 3, 4, 6]);
  });

  it('keeps the bases in a run folder that was renamed or is reached through a link', () => {
    writeAdapter('stage-0006/agent_0', '/gone/old-name/checkpoints/stage-0002/agent_0');
    const alias = join(run, '..', 'alias');
    fs.symlinkSync(run, alias);
    writeAdapter('stage-0005/agent_0', join(alias, 'checkpoints', 'stage-0003', 'agent_0'));
    expect(pruned({ keepLast: 2 })).toEqual([2, 3, 5, 6]);
  });

  it('keeps bases below the home folder', () => {
    vi.stubEnv('HOME', join(run, '..'));
    fs.symlinkSync(join(dir, 'stage-0002', 'agent_0'), join(run, '..', 'model'));
    writeAdapter('stage-0006/agent_0', '~/model');
    expect(pruned({ keepLast: 1 })).toEqual([2, 6]);
  });

  it('ignores bases outside of the run and unreadable configs', () => {
    writeAdapter('stage-0006/agent_0', run);
    fs.writeFileSync(join(dir, 'stage-0006', 'adapter_config.json'), '\0\0');
    writeAdapter('stage-0006/agent_1', 7);
    expect([...neededCheckpoints(dir, ['stage-0006'], fs)]).toEqual(['stage-0006']);
  });
});
