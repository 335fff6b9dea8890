/** Tests the setting `chat_template` with a worker: the process of the engine applies it and writes it. */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { describeWithTorch, testEngine, withWorker } from './testing/python.ts';

const BASE = fileURLToPath(new URL('../../../recipes/quickstart-base', import.meta.url));
const TEMPLATE =
  '{% for m in messages %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}={% endif %}\n';

describeWithTorch('a model with the setting chat_template', () => {
  const engine = testEngine();
  const folder = withWorker(engine);
  const chat = [{ role: 'user', content: '1+2' }] as const;

  it('uses it and saves it with the full model', async () => {
    const dir = join(folder, 'base');
    cpSync(BASE, dir, { recursive: true });
    rmSync(join(dir, 'chat_template.jinja'));
    const model = await engine.load({ dir, chatTemplate: TEMPLATE });
    expect(model.tokenizer.decode(model.tokenizer.encodeChat(chat))).toBe('1+2=');
    const saved = join(folder, 'saved');
    await model.save(saved);
    await model.close();
    expect(readFileSync(join(saved, 'chat_template.jinja'), 'utf8')).toBe(TEMPLATE);
    const again = await engine.load({ dir: saved });
    expect(again.tokenizer.encodeChat(chat)).toEqual(model.tokenizer.encodeChat(chat));
    await again.close();
  });

  it('keeps the file chat_template.json of its base', async () => {
    const dir = join(folder, 'json');
    cpSync(BASE, dir, { recursive: true });
    rmSync(join(dir, 'chat_template.jinja'));
    const json = JSON.stringify({ chat_template: TEMPLATE });
    writeFileSync(join(dir, 'chat_template.json'), json);
    const model = await engine.load({ dir });
    const saved = join(folder, 'saved-json');
    await model.save(saved);
    await model.close();
    expect(readFileSync(join(saved, 'chat_template.json'), 'utf8')).toBe(json);
  });
});
