/**
 * Plays a team's protocol on a question from outside, with members that run at once, may fail, and may be
 * stopped when the vote is decided without them. Who acts, what they see and what the answer is are the
 * rules of `src/team`, the same that the team was trained with.
 * @module
 */

import type { RandomStream } from '../../core/rng.ts';
import { VoteStop } from '../../core/vote-stop.ts';
import type { ChatMessage } from '../../engine/engine.ts';
import type { TaskItem } from '../../task/task.ts';
import type { SpokenMessage } from '../../team/team.ts';
import {
  type Member,
  MemberError,
  type MemberMessage,
  type Prompt,
  type Sampling,
  type Spent,
} from '../member/member.ts';
import type { ServedTeam } from './served-team.ts';
import { countVote, decidedMessage, savedTokens } from './summary.ts';
import {
  type MemberTurn,
  type PlayEvent,
  type Said,
  type TeamAnswer,
  TeamUnavailableError,
} from './team-answer.ts';

export interface Question {
  /** Ends with the user's message; at least that one. */
  readonly messages: readonly ChatMessage[];
  /** A raw prompt instead of the messages, for a member that answers alone. */
  readonly raw?: Prompt;
  readonly sampling: Sampling;
  /** A message draws from its child (agent, 0, sample, turn), as in `rollout`. */
  readonly stream: RandomStream;
  /** Which of the choices of one request this is: 0, 1, ... */
  readonly sample: number;
  readonly seeded: boolean;
  readonly fairKey: string;
  readonly signal: AbortSignal;
  readonly onEvent?: (event: PlayEvent) => void;
  /**
   * Whose words are told as they come: of all members, or only those that are the answer. Members that are
   * not listened to can be asked again when they break off.
   */
  readonly pieces?: 'all' | 'answer';
}

/** Why a member was stopped that is not at fault. */
const DECIDED = new Error('the vote was decided without it');

/**
 * @throws TeamUnavailableError when fewer members than `minMembers` answered
 * @throws the signal's reason when it aborts
 */
export async function playTeam(team: ServedTeam, question: Question): Promise<TeamAnswer> {
  return new Play(team, question).finish();
}

class Play {
  readonly #team: ServedTeam;
  readonly #question: Question;
  readonly #item: TaskItem;
  /** What comes before the question in everybody's view. */
  readonly #earlier: readonly ChatMessage[];
  readonly #system: string | undefined;
  readonly #spoken: SpokenMessage[] = [];
  readonly #said: Said[] = [];
  readonly #turns: MemberTurn[] = [];
  #vote: VoteStop | undefined;
  #decidedAfter: number | undefined;
  readonly #answers = new Map<string, string | undefined>();

  constructor(team: ServedTeam, question: Question) {
    this.#team = team;
    this.#question = question;
    const messages = [...question.messages];
    const prompt = messages.pop() as ChatMessage;
    this.#item = { id: 'question', prompt: prompt.content };
    const systems = messages.findIndex(({ role }) => role !== 'system');
    const leading = messages.slice(0, systems < 0 ? messages.length : systems);
    this.#system = leading.length === 0 ? undefined : leading.map(({ content }) => content).join('\n\n');
    this.#earlier = messages.slice(leading.length);
  }

  async finish(): Promise<TeamAnswer> {
    const { protocol, members } = this.#team;
    for (let turn = 0; turn < protocol.maxTurns; turn++) {
      const active = protocol.active(turn, this.#spoken, members.length);
      if (active.length === 0) break;
      await this.#playTurn(turn, active);
    }
    this.#requireEnough();
    return this.#answer();
  }

  /** Lets the active members speak at once; nobody sees what is said at this turn. */
  async #playTurn(turn: number, active: readonly number[]): Promise<void> {
    const { protocol, members } = this.#team;
    const isLast = turn === protocol.maxTurns - 1;
    const controllers = active.map(() => new AbortController());
    this.#vote =
      protocol.votes && isLast ? new VoteStop({ ballots: active.length, rule: 'exact' }) : undefined;
    // the last speaker's words are the answer: they can be shown as they come
    const isAnswer = isLast && active.length === 1 && protocol.agentsAnswer !== true;
    const said: (Said | undefined)[] = new Array(active.length);
    await Promise.all(
      active.map(async (id, at) => {
        const member = members[id] as Member;
        const { outcome, record } = await this.#speak(member, {
          turn,
          id,
          isAnswer,
          controller: controllers[at] as AbortController,
        });
        this.#turns.push(record);
        this.#question.onEvent?.({ kind: 'member_end', turn: record });
        if (outcome) said[at] = { turn, member: id, message: outcome };
        if (record.status === 'cancelled' || this.#vote === undefined) return;
        this.#vote.add(record.answer);
        if (!this.#vote.isDecided || this.#decidedAfter !== undefined) return;
        this.#decidedAfter = this.#vote.seen;
        for (const controller of controllers) controller.abort(DECIDED);
      }),
    );
    this.#question.signal.throwIfAborted();
    for (const one of said) if (one) this.#hear(one);
  }

  #hear(said: Said): void {
    const { turn, member, message } = said;
    this.#said.push(said);
    this.#spoken.push({
      turn,
      agent: member,
      text: message.text,
      // random turns of a router depend on what was said; a member without tokens has its letters
      tokens: message.tokens ?? Int32Array.from(message.text, (letter) => letter.codePointAt(0) as number),
      meanLogp: this.#team.isMixed ? perCharacter(message) : message.meanLogp,
    });
  }

  /** One message of one member, or the record of why there is none. */
  async #speak(
    member: Member,
    {
      turn,
      id,
      isAnswer,
      controller,
    }: { turn: number; id: number; isAnswer: boolean; controller: AbortController },
  ): Promise<{ readonly outcome?: MemberMessage; readonly record: MemberTurn }> {
    const { sampling, stream, sample, seeded, fairKey, signal, onEvent, pieces = 'answer' } = this.#question;
    const start = performance.now();
    const leave = (): void => controller.abort(signal.reason);
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
    const limit = this.#team.memberTimeoutMs;
    const late = (): void =>
      controller.abort(
        new MemberError(`member ${member.name}: expected an answer within ${limit / 1000} s, got none`, {
          fault: 'timeout',
        }),
      );
    const timer = setTimeout(late, limit);
    let spent: Spent = { promptTokens: 0, completionTokens: 0 };
    const about = { turn, member: id, name: member.name };
    onEvent?.({ kind: 'member_start', turn, member: id });
    try {
      const message = await member.speak({
        prompt: this.#question.raw ?? { kind: 'chat', messages: this.#view(member, id) },
        sampling,
        stream: stream.child(id, 0, sample, turn),
        seeded,
        fairKey,
        signal: controller.signal,
        onProgress: (now) => {
          spent = now;
        },
        ...(onEvent && (isAnswer || pieces === 'all')
          ? {
              onPiece: (piece): void => {
                if (pieces === 'all') onEvent({ kind: 'member_piece', turn, member: id, piece });
                if (isAnswer) onEvent({ kind: 'answer_piece', piece });
              },
            }
          : {}),
      });
      const answer = this.#answerOf(message.text);
      return {
        outcome: message,
        record: {
          ...about,
          status: 'answered',
          text: message.text,
          ...(answer === undefined ? {} : { answer }),
          finish: message.finish,
          ...(Number.isFinite(message.meanLogp) ? { meanLogp: message.meanLogp } : {}),
          attempts: message.attempts,
          promptTokens: message.promptTokens,
          completionTokens: message.completionTokens,
          durationMs: performance.now() - start,
        },
      };
    } catch (error) {
      signal.throwIfAborted();
      const base = { ...about, ...spent, durationMs: performance.now() - start };
      if (controller.signal.reason === DECIDED)
        return { record: { ...base, status: 'cancelled', attempts: 1 } };
      const cause = controller.signal.reason instanceof MemberError ? controller.signal.reason : error;
      if (!(cause instanceof MemberError)) throw error;
      const { fault, message, attempts } = cause;
      return { record: { ...base, status: 'failed', error: { fault, message }, attempts } };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', leave);
    }
  }

  /** What a member sees: its instruction and the client's, the conversation so far, and the protocol's view. */
  #view(member: Member, id: number): ChatMessage[] {
    const system = [member.instruction, this.#system].filter((text) => text !== undefined).join('\n\n');
    const view = this.#team.protocol.view(this.#item, id, this.#spoken, undefined).map((message) => {
      const said = this.#said.find(
        ({ member: who, message: { text } }) => who === id && text === message.content,
      );
      // an endpoint's words, or those cut by a stop text, have no tokens of their own
      return message.tokens && said?.message.tokens === undefined
        ? { role: message.role, content: message.content }
        : message;
    });
    return [
      ...(system === '' ? [] : [{ role: 'system' as const, content: system }]),
      ...this.#earlier,
      ...view,
    ];
  }

  #answerOf(text: string): string | undefined {
    if (!this.#answers.has(text)) this.#answers.set(text, this.#team.answerOf(text));
    return this.#answers.get(text);
  }

  #requireEnough(): void {
    const { protocol, minMembers } = this.#team;
    const last = protocol.maxTurns - 1;
    const counted = protocol.votes ? this.#said.filter(({ turn }) => turn === last) : this.#said;
    const answered = new Set(counted.map(({ member }) => member)).size;
    const excused = this.#turns.filter(({ status }) => status === 'cancelled').length;
    const needed = Math.max(1, minMembers);
    if (answered === 0 || answered + excused < needed)
      throw new TeamUnavailableError(this.#turns, { needed, answered });
  }

  #answer(): TeamAnswer {
    const { protocol, members } = this.#team;
    const decided = protocol.decide(this.#spoken, ({ text }) => this.#answerOf(text));
    const { finish, logprobs } = decidedMessage(decided, this.#spoken, this.#said);
    const names = members.map(({ name }) => name);
    const lastTurn = this.#turns.filter(({ turn }) => turn === protocol.maxTurns - 1);
    const vote = protocol.votes ? countVote(lastTurn, this.#answerOf(decided.text), names) : undefined;
    const cancelled = lastTurn.filter(({ status }) => status === 'cancelled');
    return {
      text: decided.text,
      finish,
      ...(logprobs === undefined ? {} : { logprobs }),
      turns: this.#turns.sort((a, b) => a.turn - b.turn || a.member - b.member),
      ...(vote === undefined ? {} : { vote }),
      ...(cancelled.length === 0
        ? {}
        : {
            earlyStop: {
              decidedAfter: this.#decidedAfter as number,
              cancelled: cancelled.map(({ name }) => name),
              tokensSavedEstimate: savedTokens(lastTurn),
            },
          }),
      isDegraded: this.#turns.some(({ status }) => status === 'failed'),
    };
  }
}

/** Mean log-probability per character of the text, nats: tokens of different vocabularies are no common unit. */
function perCharacter({ meanLogp, completionTokens, text }: MemberMessage): number {
  return (meanLogp * completionTokens) / Math.max(1, text.length);
}
