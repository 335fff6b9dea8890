/**
 * Where a run stands, folded from its events: what every terminal view shows. A pure reducer; the clock
 * comes in with each event.
 * @module
 */
import type { GateRecord, Phase, RunEvent, UpdateRecord } from '../train/events.ts';

export interface PhaseProgress {
  readonly phase: Phase;
  readonly agent?: number;
  readonly done?: number;
  readonly total?: number;
}

export interface Progress {
  readonly agents: readonly string[];
  readonly stages: number;
  /** Stage being worked on, or last finished; 0 before the first. */
  readonly stage: number;
  readonly startedMs: number;
  readonly phase: PhaseProgress | undefined;
  /** Newest update of each agent. */
  readonly updates: ReadonlyMap<number, UpdateRecord>;
  /** Mean team reward of each finished stage. */
  readonly rewards: readonly number[];
  /** Newest rollout's reward: the only one there is within the first stage. */
  readonly latestReward: number | undefined;
  readonly accepted: number;
  readonly attempted: number;
  readonly gate: (GateRecord & { readonly stage: number }) | undefined;
  /** Stage whose team is the champion; undefined before the first promotion. */
  readonly championStage: number | undefined;
  /** Tokens sampled since this process started. */
  readonly tokens: number;
  /** Durations of the stages finished by this process, each with the test after it, ms. */
  readonly stageMs: readonly number[];
  readonly stageStartedMs: number | undefined;
  readonly stageEndedMs: number | undefined;
}

/** The view before any event. */
export function startProgress(nowMs: number): Progress {
  return {
    agents: [],
    stages: 0,
    stage: 0,
    startedMs: nowMs,
    phase: undefined,
    updates: new Map(),
    rewards: [],
    latestReward: undefined,
    accepted: 0,
    attempted: 0,
    gate: undefined,
    championStage: undefined,
    tokens: 0,
    stageMs: [],
    stageStartedMs: undefined,
    stageEndedMs: undefined,
  };
}

/** @returns the view after one more event; `view` itself is left as it was */
export function advance(view: Progress, event: RunEvent, nowMs: number): Progress {
  switch (event.kind) {
    case 'run_started':
      return { ...view, agents: event.agents, stages: event.stages, stage: event.fromStage };
    case 'phase': {
      const { kind: _, stage: __, ...phase } = event;
      return { ...view, phase };
    }
    case 'stage_started':
      return { ...view, stage: event.stage, stageStartedMs: nowMs };
    case 'rollout':
      return { ...view, latestReward: event.reward, tokens: view.tokens + event.tokens };
    case 'update':
      return {
        ...view,
        updates: new Map(view.updates).set(event.agent, event),
        accepted: view.accepted + (event.status === 'ACCEPT' ? 1 : 0),
        attempted: view.attempted + 1,
      };
    case 'gate':
      return {
        ...view,
        gate: event,
        championStage: isPromotion(event) ? event.stage : view.championStage,
        stageMs: withTestTime(view, nowMs),
      };
    case 'stage_finished':
      return {
        ...view,
        stage: event.stage,
        phase: undefined,
        rewards: [...view.rewards, event.reward],
        stageMs:
          view.stageStartedMs === undefined ? view.stageMs : [...view.stageMs, nowMs - view.stageStartedMs],
        stageStartedMs: undefined,
        stageEndedMs: nowMs,
      };
    case 'run_finished':
      return { ...view, phase: undefined };
    default:
      return view;
  }
}

/** Whether a test made the candidate the champion; a passed step test promotes no team. */
export function isPromotion({ gate, decision }: Pick<GateRecord, 'gate' | 'decision'>): boolean {
  return gate === 'promotion' && decision === 'promote';
}

/** A promotion test follows its stage and belongs to it; a step test lies within one. */
function withTestTime({ stageMs, stageStartedMs, stageEndedMs }: Progress, nowMs: number): readonly number[] {
  const last = stageMs.at(-1);
  if (last === undefined || stageStartedMs !== undefined || stageEndedMs === undefined) return stageMs;
  return [...stageMs.slice(0, -1), last + nowMs - stageEndedMs];
}

/** How many stages the estimate of the time left looks back on. */
const RECENT_STAGES = 5;

/**
 * @returns ms until the last stage ends, from the pace of the last few; undefined before one is finished
 *   and after the last, when what is left is no stage
 */
export function timeLeftMs(view: Progress, nowMs: number): number | undefined {
  const recent = view.stageMs.slice(-RECENT_STAGES);
  if (recent.length === 0) return undefined;
  const pace = recent.reduce((sum, ms) => sum + ms, 0) / recent.length;
  const running = view.stageStartedMs !== undefined;
  const whole = view.stages - view.stage;
  if (whole <= 0 && !running) return undefined;
  return running ? whole * pace + Math.max(0, pace - (nowMs - (view.stageStartedMs ?? nowMs))) : whole * pace;
}

/** @returns sampled tokens per second since this process started */
export function tokensPerSecond(view: Progress, nowMs: number): number {
  const seconds = (nowMs - view.startedMs) / 1000;
  return seconds > 0 ? view.tokens / seconds : 0;
}
