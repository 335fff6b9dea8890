import { describe, expect, it } from 'vitest';
import { randomStream } from '../core/rng.ts';
import { createTabularModel } from '../engine/tabular/model.ts';
import { correct, incorrect } from '../grade/verdict.ts';
import type { Task } from '../task/task.ts';
import { countCutOff, type TruncatedRule } from './cut-off.ts';
import { createParts } from './parts.ts';
import { createRelay } from './relay.ts';
import { rollout } from './rollout.ts';
import type { Protocol, Team } from './team.ts';
import { createHunt, HUNT_LETTERS } from './testing/hunt-task.ts';
import { createVote } from './vote.ts';

const MAX_TOKENS = 3;
const END = 2;
/** The right answer is the last letter of a message; a message of one letter repeated to the end is cut off. */
const lastLetter: Task = {
  name: 'last letter',
  rewardRange: [-1, 1],
  size: () => undefined,
  item: (split, index) => ({ id: `${split}-${index}`, prompt: 'b' }),
  verify: ({ prompt }, text) =>
    text.at(-1) === prompt ? correct(prompt, 'yes') : { ...incorrect('a', 'no'), reward: 0 },
};

/** Returns a model that writes one letter `times` times after the prompt and the message `earlier`, then ends. */
function writing(letter: 'a' | 'b', times: number, earlier?: string) {
  const model = createTabularModel({ alphabet: 'ab', prior: { offsets: [-50, -50, 0] } });
  const context = [
    ...model.tokenizer.encodeChat([
      { role: 'user', content: 'b' },
      ...(earlier === undefined ? [] : [{ role: 'assistant' as const, content: earlier }]),
    ]),
  ];
  const token = 'ab'.indexOf(letter);
  for (let t = 0; t < times; t++) {
    model.setLogits(
      context,
      [0, 1, END].map((v) => (v === token ? 50 : 0)),
    );
    context.push(token);
  }
  return model;
}

async function playOnce(
  protocol: Protocol,
  models: readonly ReturnType<typeof writing>[],
  truncated?: TruncatedRule,
) {
  const team: Team = {
    protocol,
    agents: models.map((model, id) => ({ id, name: `agent ${id}`, model })),
  };
  const [episode] = await rollout(team, lastLetter, {
    items: [lastLetter.item('train', 0)],
    ...{ samples: 1, temperature: 1, maxTokens: MAX_TOKENS, stream: randomStream(1) },
    ...(truncated && { truncated }),
  });
  return episode;
}

const ends = (earlier?: string) => writing('b', 1, earlier);
const endsWrong = () => writing('a', 1);
const cutOff = (earlier?: string) => writing('b', MAX_TOKENS, earlier);

describe('messages that were cut off', () => {
  it('are wrong answers with the lowest reward by rule wrong, and are judged by judge, mask and default', async () => {
    for (const truncated of ['judge', 'mask', undefined] as const)
      expect(await playOnce(createRelay(1), [cutOff()], truncated)).toMatchObject({
        reward: 1,
        verdict: { correct: true },
      });
    const { reward, verdict, agentVerdicts } = await playOnce(createRelay(1), [cutOff()], 'wrong');
    expect([reward, verdict.correct, verdict.answer]).toEqual([-1, false, undefined]);
    expect(verdict.reason).toContain('cut off');
    expect(agentVerdicts).toEqual([verdict]);
  });

  it('do not concern messages of the maximum length that end', async () => {
    const full = writing('b', MAX_TOKENS - 1); // the end token is the last permitted token
    const { reward, messages } = await playOnce(createRelay(1), [full], 'wrong');
    expect([reward, messages[0].tokens.length, messages[0].finish]).toEqual([1, MAX_TOKENS, 'stop']);
  });

  it('do not count as ballots', async () => {
    const models = () => [endsWrong(), cutOff(), cutOff()];
    expect((await playOnce(createVote(), models(), 'judge')).verdict.correct).toBe(true);
    const { verdict, agentVerdicts } = await playOnce(createVote(), models(), 'wrong');
    expect(verdict).toMatchObject({ correct: false, answer: 'a', reward: 0 });
    expect(agentVerdicts.map((own) => own?.reward)).toEqual([0, -1, -1]);
    const none = await playOnce(createVote(), [cutOff(), cutOff()], 'wrong');
    expect(none.reward).toBe(-1);
  });

  it('are harmless before the last turn of a relay, and fatal in any part of a joined answer', async () => {
    const relayed = await playOnce(createRelay(2), [cutOff(), ends('bbb')], 'wrong');
    expect([relayed.messages[0].finish, relayed.reward]).toEqual(['length', 1]);
    const lastCutOff = [ends(), cutOff('b')];
    expect((await playOnce(createRelay(2), lastCutOff, 'judge')).reward).toBe(1);
    expect((await playOnce(createRelay(2), lastCutOff, 'wrong')).reward).toBe(-1);
    for (const models of [
      [cutOff(), ends()],
      [ends(), cutOff()],
    ]) {
      expect((await playOnce(createParts(), models, 'judge')).reward).toBe(1);
      expect((await playOnce(createParts(), models, 'wrong')).reward).toBe(-1);
    }
  });

  it('end an interactive episode as a failure, and the environment does not receive them', async () => {
    const model = createTabularModel({ alphabet: HUNT_LETTERS, prior: { scale: 1, seed: 3 } });
    const team: Team = { protocol: createRelay(1), agents: [{ id: 0, name: 'hunter', model }] };
    const task = createHunt();
    const play = (truncated: TruncatedRule) =>
      rollout(team, task, {
        items: Array.from({ length: 8 }, (_, index) => task.item('train', index)),
        ...{ samples: 6, temperature: 1, maxTokens: 2, stream: randomStream(2), truncated },
      });
    const judged = await play('judge');
    const strict = await play('wrong');
    let failed = 0;
    for (const [n, { messages, replies = [], verdict }] of strict.entries()) {
      const cut = messages.findIndex(({ finish }) => finish === 'length');
      if (cut === -1) {
        expect(strict[n]).toEqual(judged[n]);
        continue;
      }
      failed += Number(judged[n].verdict.correct);
      expect(cut).toBe(messages.length - 1);
      expect(replies).toHaveLength(cut);
      expect(verdict).toMatchObject({ correct: false, reward: task.rewardRange[0] });
    }
    expect(failed).toBeGreaterThan(0);
    expect(strict.some(({ verdict }) => verdict.correct)).toBe(true);
  });
});

describe('countCutOff', () => {
  it('counts the messages that reached the end of their room', () => {
    expect(countCutOff([{ finish: 'length' }, { finish: 'stop' }, {}, { finish: 'length' }])).toBe(2);
    expect(countCutOff([])).toBe(0);
  });
});
