import { expect, it } from 'vitest';
import { llamaCommand, llamaMessages, modelfile } from './modelfile.ts';

const settings = { model: './a-F16.gguf', temperature: 1, maxTokens: 48, stop: ['<|im_end|>', '"'] };

it('writes a Modelfile with the sampling of the training', () => {
  expect(
    modelfile(settings)
      .split('\n')
      .filter((line) => !line.startsWith('#')),
  ).toEqual([
    'FROM ./a-F16.gguf',
    'PARAMETER temperature 1',
    'PARAMETER top_k 0',
    'PARAMETER top_p 1',
    'PARAMETER min_p 0',
    'PARAMETER repeat_penalty 1',
    'PARAMETER num_predict 48',
    'PARAMETER stop "<|im_end|>"',
    String.raw`PARAMETER stop "\""`,
    '',
  ]);
  const adapted = modelfile({
    ...{ ...settings, model: '../base/b.gguf', adapter: './a-lora-F32.gguf' },
    ...{ instruction: 'Count """well"""\nplease', license: 'apache-2.0' },
  });
  expect(adapted).toContain('FROM ../base/b.gguf\nADAPTER ./a-lora-F32.gguf\n');
  expect(adapted).toContain(`SYSTEM """Count '''well'''\nplease"""\nLICENSE """apache-2.0"""\n`);
});

it('writes the command of llama.cpp', () => {
  expect(llamaCommand({ ...settings, model: "my team/it's.gguf", adapter: 'b.gguf' })).toBe(
    String.raw`llama-server -m 'my team/it'\''s.gguf' --lora b.gguf --jinja --temp 1 --top-k 0 --top-p 1 --min-p 0`,
  );
});

it('writes few-shot examples as messages', () => {
  const examples = [
    { prompt: '1+1=', answer: '2' },
    { prompt: 'Say "hi"\ntwice', answer: '"hi" "hi"' },
  ];
  const text = modelfile({ ...settings, instruction: 'Be brief', examples, license: 'mit' });
  expect(text).toContain(
    [
      'SYSTEM """Be brief"""',
      'MESSAGE user """1+1="""',
      'MESSAGE assistant """2"""',
      'MESSAGE user """Say "hi"\ntwice"""',
      'MESSAGE assistant """"hi" "hi""""',
      'LICENSE """mit"""',
    ].join('\n'),
  );
  expect(llamaMessages({ ...settings, instruction: 'Be brief', examples })).toBe(
    'clients must send the instruction as the system message and the 2 examples as user and assistant messages before the conversation; see README.md',
  );
  expect(llamaMessages({ ...settings, examples: examples.slice(1) })).toContain('send the example as user');
  expect(llamaMessages(settings)).toBeUndefined();
});
