import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from './errors.ts';
import { type RandomStream, randomStream } from './rng.ts';
import { replayVote, VoteStop } from './vote-stop.ts';

/** Returns the answers with the most votes. */
function winnersOf(answers: readonly (string | undefined)[]): string[] {
  const votes = new Map<string, number>();
  for (const answer of answers) if (answer !== undefined) votes.set(answer, (votes.get(answer) ?? 0) + 1);
  const most = Math.max(0, ...votes.values());
  return [...votes].filter(([, count]) => count === most).map(([answer]) => answer);
}

const ballots = fc.array(fc.constantFrom('a', 'b', 'c', 'd', undefined), { minLength: 1, maxLength: 24 });

describe('the exact rule', () => {
  it('stops at three of five, and continues while a tie is possible', () => {
    expect(replayVote(['7', '9', '7', '7', '9'], { rule: 'exact' })).toEqual({ used: 4, winner: '7' });
    expect(replayVote(['7', '7', '9', '9'], { rule: 'exact' }).used).toBe(4);
    expect(replayVote(['7', '7', '7', '9'], { rule: 'exact' }).used).toBe(3);
    expect(replayVote([undefined, undefined], { rule: 'exact' })).toEqual({ used: 2, winner: undefined });
  });

  it('never changes the winner', () => {
    fc.assert(
      fc.property(ballots, (answers) => {
        const { used, winner } = replayVote(answers, { rule: 'exact' });
        const winners = winnersOf(answers);
        if (used < answers.length) expect(winners).toEqual([winner]);
        else expect(winner === undefined ? winners.length === 0 : winners.includes(winner)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('stops as soon as no remaining ballots can change or tie the winner', () => {
    fc.assert(
      fc.property(ballots, (answers) => {
        const { used } = replayVote(answers, { rule: 'exact' });
        fc.pre(used > 0);
        // If the vote had stopped one ballot earlier, the remaining ballots could have tied or changed the
        // winner, had all of them been for one other answer.
        const before = answers.slice(0, used - 1);
        const left = answers.length - before.length;
        const leaders = winnersOf(before);
        const couldChange = ['a', 'b', 'c', 'd', 'new'].some((late) => {
          const winners = winnersOf([...before, ...Array<string>(left).fill(late)]);
          return leaders.length !== 1 || winners.length > 1 || winners[0] !== leaders[0];
        });
        expect(couldChange).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

/** Yields every order of a multiset of answers once. */
function* orders(counts: Readonly<Record<string, number>>): Generator<string[]> {
  const left = Object.entries(counts).filter(([, count]) => count > 0);
  if (left.length === 0) yield [];
  for (const [answer, count] of left)
    for (const rest of orders({ ...counts, [answer]: count - 1 })) yield [answer, ...rest];
}

/**
 * Returns the share of the orders of a multiset in which the rule `probable` stops with another answer than
 * the winner of all ballots.
 */
function exactError(counts: Readonly<Record<string, number>>, winner: string, error: number): number {
  let wrong = 0;
  let all = 0;
  for (const order of orders(counts)) {
    all++;
    if (replayVote(order, { rule: 'probable', error }).winner !== winner) wrong++;
  }
  return wrong / all;
}

function shuffled(answers: readonly string[], stream: RandomStream): string[] {
  const order = [...answers];
  for (let i = order.length - 1; i > 0; i--) {
    const j = stream.int(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

describe('the probable rule', () => {
  it('is wrong at most with the given probability, counted over every order of small votes', () => {
    const votes = [
      { a: 6, b: 5 },
      { a: 7, b: 4 },
      { a: 4, b: 3, c: 3 },
      { a: 3, b: 2, c: 2, d: 2 },
      { a: 5, b: 4, c: 1 },
    ];
    for (const counts of votes)
      for (const error of [0.05, 0.2, 0.5]) expect(exactError(counts, 'a', error)).toBeLessThanOrEqual(error);
  });

  it('is sometimes wrong with a large allowed error, so that the test above can fail', () => {
    expect(exactError({ a: 6, b: 5 }, 'a', 0.5)).toBeGreaterThan(0.02);
  });

  it('satisfies its error bound for many distributions of answers with independent ballots', () => {
    const stream = randomStream(41);
    const K = 64;
    const error = 0.1;
    const runs = 1500;
    const distributions = [
      [0.5, 0.5],
      [0.52, 0.48],
      [0.4, 0.35, 0.25],
      [0.34, 0.33, 0.33],
      Array<number>(10).fill(0.1),
      [0.2, ...Array<number>(40).fill(0.02)],
    ];
    for (const p of distributions) {
      let wrong = 0;
      for (let run = 0; run < runs; run++) {
        const answers = Array.from({ length: K }, () => draw(p, stream));
        const { winner } = replayVote(answers, { rule: 'probable', error });
        // Ties of the full vote are broken by other criteria than counts. This test takes the first of the
        // tied answers.
        const winners = winnersOf(answers).sort();
        if (winner !== winners[0]) wrong++;
      }
      const deviation = Math.sqrt((error * (1 - error)) / runs);
      expect(wrong / runs, p.join()).toBeLessThanOrEqual(error + 3 * deviation);
    }
  });

  it('satisfies its error bound on the hardest votes, in which two answers differ by one ballot of 63', () => {
    const stream = randomStream(43);
    const answers = [...Array<string>(32).fill('a'), ...Array<string>(31).fill('b')];
    for (const error of [0.01, 0.05, 0.25]) {
      const runs = 2000;
      let wrong = 0;
      for (let run = 0; run < runs; run++)
        if (replayVote(shuffled(answers, stream), { rule: 'probable', error }).winner !== 'a') wrong++;
      expect(wrong / runs).toBeLessThanOrEqual(error + 3 * Math.sqrt((error * (1 - error)) / runs));
    }
  });

  it('needs few ballots for a clear vote, and never more than the exact rule', () => {
    const clear = Array<string>(64).fill('7');
    expect(replayVote(clear, { rule: 'exact' }).used).toBe(33);
    expect(replayVote(clear, { rule: 'probable' }).used).toBeLessThanOrEqual(8);
    fc.assert(
      fc.property(ballots, fc.double({ min: 0.001, max: 0.5, noNaN: true }), (answers, error) => {
        const probable = replayVote(answers, { rule: 'probable', error });
        expect(probable.used).toBeLessThanOrEqual(replayVote(answers, { rule: 'exact' }).used);
      }),
    );
  });
});

function draw(p: readonly number[], stream: RandomStream): string {
  let u = stream.uniform();
  for (const [k, share] of p.entries()) {
    u -= share;
    if (u < 0) return `answer ${k}`;
  }
  return 'answer 0';
}

describe('VoteStop', () => {
  it('throws for more ballots than the vote has, and for an error outside (0, 1)', () => {
    const vote = new VoteStop({ ballots: 1, rule: 'exact' });
    vote.add('a');
    expect(() => vote.add('a')).toThrow('VoteStop: expected at most 1 ballots, got another');
    expect(() => new VoteStop({ ballots: 0, rule: 'exact' })).toThrow(DomainError);
    expect(() => new VoteStop({ ballots: 5, rule: 'probable', error: 1 })).toThrow(
      'VoteStop: expected error strictly between 0 and 1, got 1',
    );
  });

  it('needs no further ballot once it is decided, for both rules', () => {
    const vote = new VoteStop({ ballots: 3, rule: 'probable', error: 0.5 });
    vote.add('a');
    expect(vote.isDecided).toBe(false);
    vote.add('a');
    expect({ seen: vote.seen, leader: vote.leader, decided: vote.isDecided }).toEqual({
      seen: 2,
      leader: 'a',
      decided: true,
    });
  });
});
