import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import type { SwapRecord } from '../swap/swap-record.ts';
import { renderSwap } from './swap-report.ts';

/** Lines about unchanged agents with these files. */
function unchanged(files: Readonly<Record<string, string>>): string {
  const record: SwapRecord = {
    ...{ run: 'runs/a', checkpoint: 'stage-0001', agent: { id: 0, name: 'agent_0' }, replacement: 'b' },
    ...{ mode: 'raw', parameters: { incumbent: 1, replacement: 1, seat: 1 }, seatBytes: 4 },
    forecast: { verdict: 'unknown', groups: 0, episodes: 0 },
    ...{ contenders: [], notes: [], dryRun: true, others: [{ agent: 1, files }] },
  };
  return (
    renderSwap(record)
      .split('\n')
      .find((line) => line.startsWith('unchanged')) ?? ''
  );
}

it('shows the hash of the weights of every kind of model', () => {
  const hash = (letter: string): string => letter.repeat(64);
  expect(unchanged({ 'config.json': hash('0'), 'model.safetensors': hash('1') })).toContain(
    'weights sha256 1111111111111111 (model.safetensors)',
  );
  const adapter = { 'adapter_config.json': hash('0'), 'adapter_model.safetensors': hash('2') };
  expect(unchanged({ ...adapter, 'optimizer.safetensors': hash('3') })).toContain(
    '3 files byte for byte, weights sha256 2222222222222222 (adapter_model.safetensors)',
  );
  expect(unchanged({ 'tabular.json': hash('4') })).toContain('sha256 4444444444444444 (tabular.json)');
  const names = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const;
  const shards = { [names[1]]: hash('6'), [names[0]]: hash('5') };
  // sha256sum model-*.safetensors | sha256sum
  const lines = `${hash('5')}  ${names[0]}\n${hash('6')}  ${names[1]}\n`;
  const all = createHash('sha256').update(lines).digest('hex').slice(0, 16);
  expect(unchanged(shards)).toContain(`weights sha256 ${all} (of 2 files)`);
});
