/**
 * Property-based tests of the training loop with a tabular engine, over random options. The properties of the pure core
 * are in `core/properties.test.ts`.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../core/rng.ts';
import { createTabularModel } from '../engine/tabular/model.ts';
import { createDebate } from '../team/debate.ts';
import { createParts } from '../team/parts.ts';
import { createRelay } from '../team/relay.ts';
import type { Protocol, Team } from '../team/team.ts';
import { createVote } from '../team/vote.ts';
import type { UpdateRecord } from './events.ts';
import { optimize } from './optimize.ts';
import { runStage } from './stage.ts';
import { createLetterTask, LETTERS } from './testing/letter-task.ts';
import { savedBytes } from './testing/saved-bytes.ts';
import { createContext, createTeam, type OptionChanges, trainOptions } from './testing/world.ts';

const AGENTS = 3;
const PROTOCOLS: readonly (() => Protocol)[] = [
  createVote,
  createParts,
  () => createRelay(AGENTS),
  () => createDebate({ rounds: 2 }),
];

/** Random options of a stage. */
const anyStage = fc.record({
  seed: fc.nat(1e6),
  protocol: fc.nat(PROTOCOLS.length - 1),
  rolloutMode: fc.constantFrom('fresh', 'reuse'),
  updateSchedule: fc.constantFrom('sequential', 'simultaneous'),
  order: fc.constantFrom('static', 'random', 'reverse', 'greedy'),
  stateWeight: fc.boolean(),
  companions: fc.constantFrom('shared', 'independent'),
  normalise: fc.constantFrom('group', 'mean'),
  ratioNorm: fc.constantFrom('sum', 'mean'),
  numIterations: fc.integer({ min: 1, max: 2 }),
  minibatchSize: fc.constantFrom(7, 64),
  beta: fc.constantFrom(0, 0.001, 1),
  learningRate: fc.constantFrom(0.01, 0.3, 3),
  adaptToRadius: fc.boolean(),
});

type AnyStage = typeof anyStage extends fc.Arbitrary<infer T> ? T : never;

function optionsOf(
  { protocol: _, learningRate, adaptToRadius, ...rest }: AnyStage,
  more: OptionChanges = {},
) {
  return trainOptions({
    ...rest,
    promptsPerStep: 6,
    numGenerations: 4,
    ...more,
    optimizer: { learningRate, adaptToRadius },
  });
}

function teamOf({ protocol, seed }: AnyStage): ReturnType<typeof createTeam> {
  return createTeam((PROTOCOLS[protocol] as () => Protocol)(), AGENTS, 1 + (seed % 100));
}

function updates(context: ReturnType<typeof createContext>): UpdateRecord[] {
  return context.events.filter((event) => event.kind === 'update');
}

const bytesOf = (team: Team) => Promise.all(team.agents.map(({ model }) => savedBytes(model)));

describe('properties of the loop', () => {
  it('(7) an agent without messages is skipped, and none of its bytes change', async () => {
    await fc.assert(
      fc.asyncProperty(anyStage, fc.nat(AGENTS - 1), async (any, silent) => {
        const team = teamOf({ ...any, protocol: 0 });
        const active: Protocol['active'] = (turn, messages, agents) =>
          team.protocol.active(turn, messages, agents).filter((id) => id !== silent);
        const quiet = { ...team, protocol: { ...team.protocol, active } };
        const before = await savedBytes(quiet.agents[silent].model);
        const context = createContext(quiet, optionsOf(any));
        await runStage(context, quiet, 1);
        const update = updates(context).find(({ agent }) => agent === silent);
        expect(update).toMatchObject({ status: 'SKIP', attempts: [], tokens: 0 });
        expect(await savedBytes(quiet.agents[silent].model)).toEqual(before);
      }),
      { numRuns: 10 },
    );
  });

  it('(8) a rejection restores every byte of weights and optimizer', async () => {
    await fc.assert(
      fc.asyncProperty(anyStage, fc.nat(2), async (any, maxBacktracks) => {
        const team = teamOf(any);
        const learn = createContext(
          team,
          optionsOf(any, { trustRegion: { targetKl: 10, targetKlMessage: 100 } }),
        );
        await runStage(learn, team, 1); // after this stage the optimizer states are not empty
        const before = await bytesOf(team);
        const trustRegion = { targetKl: 1e-14, maxBacktracks };
        // a probe could find a step that fits even this radius
        const context = createContext(team, optionsOf({ ...any, adaptToRadius: false }, { trustRegion }));
        await runStage(context, team, 2);
        for (const { status, attempts } of updates(context))
          if (status !== 'SKIP') expect([status, attempts.length]).toEqual(['REJECT_KL', 1 + maxBacktracks]);
        expect(await bytesOf(team)).toEqual(before);
      }),
      { numRuns: 8 },
    );
  });

  it('(10) two runs with the same seed are equal', async () => {
    await fc.assert(
      fc.asyncProperty(anyStage, async (any) => {
        const play = async () => {
          const team = teamOf(any);
          const context = createContext(team, optionsOf(any, { certificate: { prompts: 4 } }));
          for (let stage = 1; stage <= 2; stage++) await runStage(context, team, stage);
          return { events: context.events, state: context.state, bytes: await bytesOf(team) };
        };
        expect(await play()).toEqual(await play());
      }),
      { numRuns: 6 },
    );
  });

  it('(12) gates and certificates on validation prompts never change the weights of their states', async () => {
    await fc.assert(
      fc.asyncProperty(anyStage, fc.boolean(), async (any, stepGate) => {
        const task = createLetterTask({ letters: { train: 'ab', validation: 'cd' } });
        const team = teamOf(any);
        const kind = stepGate && any.updateSchedule === 'sequential' ? 'step' : 'off';
        const context = createContext(
          team,
          optionsOf(any, { gate: { kind, nPlan: 10, alpha: 0.5 }, certificate: { prompts: 5 } }),
          task,
        );
        for (let stage = 1; stage <= 2; stage++) await runStage(context, team, stage);
        expect(context.prompts.validation.position).toBeGreaterThan(0);
        const trained = team.agents.flatMap(({ model }) =>
          model.trainedStates().map(([prompt]) => LETTERS[prompt]),
        );
        expect(trained.every((letter) => 'ab'.includes(letter))).toBe(true);
      }),
      { numRuns: 10 },
    );
  });

  it('(15) gate 1 rejects probability mass moved to a token that is never sampled', async () => {
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 10, max: 25, noNaN: true }), fc.nat(1e6), async (rarity, seed) => {
        // every sampled message is the likely answer, with a negative advantage; the other answer is too rare
        // to be sampled
        const model = createTabularModel({ alphabet: 'ab', prior: { offsets: [rarity, 0, -60] } });
        const sequence = { context: Int32Array.of(0, 2), tokens: Int32Array.of(0) };
        const [logpOld] = await model.forward([sequence], { temperature: 1 });
        const trajectories = Array.from({ length: 8 }, () => ({
          advantage: -1,
          sequences: [sequence],
          logpOld,
        }));
        const outcome = await optimize(model, trajectories, {
          options: trainOptions({
            numIterations: 3,
            minibatchSize: 8,
            trustRegion: { targetKl: 0.05, targetKlMessage: 100, maxBacktracks: 0 },
            optimizer: { learningRate: rarity / 4, epsilon: 1e-12, maxGradNorm: 1e9 },
          }),
          state: { beta: 0, lrScale: 1 },
          stream: randomStream(seed),
          onProgress() {},
        });
        expect(outcome.status).toBe('REJECT_KL');
        expect(outcome.attempts[0]?.klQuantile).toBeGreaterThan(0.05);
      }),
      { numRuns: 25 },
    );
  });
});
