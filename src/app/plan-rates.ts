/**
 * Files with the rates of a machine, for plans of other team files.
 * @module
 */
import { readFileSync } from 'node:fs';
import type { MachineRates } from '../plan/rates.ts';
import { writeFileAtomic } from '../support/atomic-file.ts';
import { ConfigError } from '../support/errors.ts';

export function saveRates(path: string, machine: MachineRates): void {
  writeFileAtomic(path, `${JSON.stringify(machine, null, 2)}\n`);
}

const PASS = { call: 0, token: 0, pair: 0 };

/** A valid file. Every number and list of the given file must be where this one has a number or a list. */
const EXAMPLE: MachineRates = {
  agents: [
    {
      sampling: { message: 0, prefill: PASS, step: 0, row: 0, cached: 0 },
      forward: PASS,
      backward: PASS,
      fullBackward: PASS,
      divergence: PASS,
      step: 0,
      snapshot: 0,
      contextTokens: [0],
      commonTokens: [0],
      messageLengths: [0],
      messagesPerEpisode: 0,
    },
  ],
  activeShare: 0,
  loadSeconds: 0,
  processBytes: 0,
  assumptions: [],
};

/** Reads the rates of a machine. @throws ConfigError if a rate is missing or invalid */
export function readRates(path: string): MachineRates {
  let rates: unknown;
  try {
    rates = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new ConfigError(`${path}: expected a file that --save-machine wrote, got none that can be read`, {
      cause,
    });
  }
  const wrong = firstDifference(EXAMPLE, rates, '');
  if (wrong !== undefined)
    throw new ConfigError(`${path}${wrong}; measure again with --save-machine ${path}`);
  return rates as MachineRates; // every value was checked
}

/** Describes the first value that differs in kind from the example; undefined if there is none. */
function firstDifference(example: unknown, value: unknown, at: string): string | undefined {
  const got = JSON.stringify(value)?.slice(0, 40);
  if (typeof example === 'number')
    return typeof value === 'number' && value >= 0 ? undefined : `${at}: expected a number >= 0, got ${got}`;
  if (Array.isArray(example)) {
    const isText = example.length === 0;
    if (!Array.isArray(value) || (!isText && value.length === 0)) return `${at}: expected a list, got ${got}`;
    if (isText)
      return value.every((text) => typeof text === 'string')
        ? undefined
        : `${at}: expected texts, got ${got}`;
    return firstOf(value.map((entry, k) => firstDifference(example[0], entry, `${at}[${k}]`)));
  }
  if (typeof value !== 'object' || value === null) return `${at}: expected a section, got ${got}`;
  const fields = value as Readonly<Record<string, unknown>>;
  return firstOf(
    Object.entries(example as object).map(([key, one]) =>
      firstDifference(one, fields[key], `${at === '' ? ' ' : `${at}.`}${key}`),
    ),
  );
}

function firstOf(found: readonly (string | undefined)[]): string | undefined {
  return found.find((one) => one !== undefined);
}
