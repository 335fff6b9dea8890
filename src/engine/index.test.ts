import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import * as entry from './index.ts';

/** URL of the module with which child processes load TypeScript files. */
const TYPESCRIPT = new URL('../../scripts/typescript.mjs', import.meta.url).href;

it('exports the engines, pretraining and tokenizers', () => {
  expect(Object.keys(entry).sort()).toEqual([
    'characterTokenizer',
    'createOnnxEngine',
    'createRayEngine',
    'createTabularEngine',
    'createTabularModel',
    'createTokenizer',
    'createTorchEngine',
    'demonstrationLoss',
    'pretrain',
    'readChatFiles',
    'readCheckpointTokenizer',
    'readTokenizerFiles',
  ]);
});

it('loads the native library of ONNX Runtime at its first use, not on import', () => {
  const program = `
    const libraries = () => process.report.getReport().sharedObjects.filter((name) => /onnxruntime/.test(name)).length;
    await import('./src/engine/index.ts');
    const imported = libraries();
    const { checkRuntime } = await import('./src/engine/onnx/graph/runtime-check.ts');
    await checkRuntime();
    console.log(JSON.stringify([imported, libraries() > 0]));`;
  const output = execFileSync(
    process.execPath,
    ['--import', TYPESCRIPT, '--input-type=module', '-e', program],
    {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      encoding: 'utf8',
    },
  );
  expect(JSON.parse(output)).toEqual([0, true]);
});
