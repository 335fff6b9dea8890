import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from '../core/errors.ts';
import { plurality } from './plurality.ts';

interface Vote {
  readonly agent: number;
  readonly answer: string | undefined;
  readonly meanLogp: number;
}

/**
 * Creates ballots, one per agent in order of id: `a-1` votes for the answer "a" with mean logp -1; `?-1` has
 * no answer.
 */
function votes(...texts: string[]): Vote[] {
  return texts.map((text, agent) => ({
    agent,
    answer: text[0] === '?' ? undefined : text[0],
    meanLogp: Number(text.slice(1)),
  }));
}

const winner = (ballots: readonly Vote[]) => plurality(ballots, ({ answer }) => answer);

describe('plurality', () => {
  it('elects the answer with the most votes, however low their logp', () => {
    expect(winner(votes('a-1', 'b-9', 'b-8')).answer).toBe('b');
  });

  it('returns the winning ballot with the highest logp, then the lowest id', () => {
    expect(winner(votes('a-1', 'b-9', 'b-8')).agent).toBe(2);
    expect(winner(votes('b-8', 'a-1', 'b-8')).agent).toBe(0);
  });

  it('breaks ties by the higher mean logp of the voters, then by the lower id', () => {
    expect(winner(votes('a-3', 'b-2')).answer).toBe('b');
    expect(winner(votes('a-1', 'b-2', 'b-2', 'a-4')).answer).toBe('b');
    expect(winner(votes('b-2', 'a-2')).answer).toBe('b');
    expect(winner(votes('b-2', 'a-1', 'a-3', 'b-2')).answer).toBe('b');
  });

  it('returns a ballot without an answer only if no ballot has one', () => {
    expect(winner(votes('?-0.1', '?-0.1', 'a-9')).answer).toBe('a');
    expect(winner(votes('?-3', '?-1', '?-1')).agent).toBe(1);
  });

  it('does not depend on the order of the ballots', () => {
    const ballot = fc.tuple(fc.constantFrom('a', 'b', 'c', '?'), fc.integer({ min: -5, max: -1 }));
    fc.assert(
      fc.property(
        fc.array(ballot, { minLength: 1, maxLength: 7 }),
        fc.infiniteStream(fc.nat()),
        (list, keys) => {
          const ballots = votes(...list.map(([answer, logp]) => `${answer}${logp}`));
          const shuffled = ballots
            .map((vote) => ({ vote, key: keys.next().value ?? 0 }))
            .sort((a, b) => a.key - b.key)
            .map(({ vote }) => vote);
          expect(winner(shuffled)).toBe(winner(ballots));
        },
      ),
    );
  });

  it('never elects an answer that another one outvotes', () => {
    const answers = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(answers, (list) => {
        const count = (answer: string | undefined) => list.filter((other) => other === answer).length;
        const elected = winner(votes(...list.map((answer) => `${answer}-1`))).answer;
        expect(count(elected)).toBe(Math.max(...list.map(count)));
      }),
    );
  });

  it('throws without ballots', () => {
    expect(() => winner([])).toThrow(DomainError);
  });
});
