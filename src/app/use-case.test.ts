import { expect, it } from 'vitest';
import { warnOnce } from './use-case.ts';

it('emits a warning about a model folder once, although several agents load it', () => {
  const events: unknown[] = [];
  const onWarning = warnOnce({ onEvent: (event) => events.push(event) });
  for (const folder of ['a', 'b', 'a']) onWarning(`${folder}/config.json: "x" is not known`);
  expect(events).toEqual(
    ['a', 'b'].map((folder) => ({ kind: 'warning', message: `${folder}/config.json: "x" is not known` })),
  );
});
