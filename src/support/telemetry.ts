/**
 * Environment variables that disable the telemetry of libraries, in this process and in all processes that it
 * starts.
 * @module
 */

/** Disables the telemetry of ONNX Runtime 1.30 and newer, which reads the variable when it initializes. */
export const ORT_TELEMETRY_OFF = { ORT_DISABLE_TELEMETRY: '1' } as const;

/**
 * Variables for the environment of every started process; Ray and vLLM pass them on to their own processes.
 */
export const TELEMETRY_OFF: Readonly<Record<string, string>> = {
  ...ORT_TELEMETRY_OFF,
  HF_HUB_DISABLE_TELEMETRY: '1',
  RAY_USAGE_STATS_ENABLED: '0',
  VLLM_NO_USAGE_STATS: '1',
  DO_NOT_TRACK: '1',
};
