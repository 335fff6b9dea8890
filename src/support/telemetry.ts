/**
 * Telemetry of libraries in the processes that this package starts: all of it is off.
 * @module
 */

/** The variable of ONNX Runtime 1.30 and newer, which reads it when it initializes. */
export const ORT_TELEMETRY_OFF = { ORT_DISABLE_TELEMETRY: '1' } as const;

/** Set in the environment of every process that is started; Ray and vLLM hand it on to their own processes. */
export const TELEMETRY_OFF: Readonly<Record<string, string>> = {
  ...ORT_TELEMETRY_OFF,
  HF_HUB_DISABLE_TELEMETRY: '1',
  RAY_USAGE_STATS_ENABLED: '0',
  VLLM_NO_USAGE_STATS: '1',
  DO_NOT_TRACK: '1',
};
