/**
 * Reads and writes the folder of a mixture of two models: `mixture.json` with the KL limits (radii) of its
 * steps towards the new model, and one model folder per component, written by the component's engine.
 * `mixture.json` is written last, so a folder with this file is complete.
 * @module
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MixtureSteps } from '../core/mixture.ts';
import type { Model } from '../engine/engine.ts';
import { writeFileAtomic } from '../support/atomic-file.ts';
import { ConfigError } from '../support/errors.ts';

export const MIXTURE_FILE = 'mixture.json';
const FORMAT = 'troupe-mixture-1';
const MESSAGE_FORMAT = 'troupe-message-mixture-1';

/** Paths of the components' model folders. */
interface ComponentFolders {
  readonly incumbent: string;
  readonly replacement: string;
}

export type MixtureFolder = ComponentFolders &
  (
    | { readonly kind: 'tokens'; readonly steps: MixtureSteps }
    | { readonly kind: 'messages'; readonly delta0: number; readonly candidates: number }
  );

export function isMixtureFolder(dir: string): boolean {
  return existsSync(join(dir, MIXTURE_FILE));
}

export async function writeMixtureFolder(
  dir: string,
  {
    incumbent,
    replacement,
    steps,
  }: { readonly incumbent: Model; readonly replacement: Model; readonly steps: MixtureSteps },
): Promise<void> {
  const { incumbent: old, replacement: pre } = componentFolders(dir);
  mkdirSync(dir, { recursive: true });
  await incumbent.save(old);
  await replacement.save(pre);
  writeMixtureFile(dir, steps);
}

/** Writes the folder of a mixture per message. */
export async function writeMessageMixtureFolder(
  dir: string,
  {
    incumbent,
    replacement,
    ...settings
  }: {
    readonly incumbent: Model;
    readonly replacement: Model;
    readonly delta0: number;
    readonly candidates: number;
  },
): Promise<void> {
  const { incumbent: old, replacement: pre } = componentFolders(dir);
  mkdirSync(dir, { recursive: true });
  await incumbent.save(old);
  await replacement.save(pre);
  writeMessageMixtureFile(dir, settings);
}

export function writeMessageMixtureFile(
  dir: string,
  { delta0, candidates }: { readonly delta0: number; readonly candidates: number },
): void {
  writeFileAtomic(
    join(dir, MIXTURE_FILE),
    `${JSON.stringify({ format: MESSAGE_FORMAT, delta0, candidates })}\n`,
  );
}

/** Writes `mixture.json` into a folder that already contains both component folders. */
export function writeMixtureFile(dir: string, steps: MixtureSteps): void {
  writeFileAtomic(join(dir, MIXTURE_FILE), `${JSON.stringify({ format: FORMAT, steps })}\n`);
}

/** Returns the paths of the components' model folders. */
export function componentFolders(dir: string): ComponentFolders {
  return { incumbent: join(dir, 'incumbent'), replacement: join(dir, 'replacement') };
}

/**
 * Reads the description of a mixture folder.
 *
 * @throws ConfigError with the file and the invalid value
 */
export function readMixtureFolder(dir: string): MixtureFolder {
  const file = join(dir, MIXTURE_FILE);
  const content = parsed(file);
  const { format, steps, delta0, candidates } = (content ?? {}) as Readonly<Record<string, unknown>>;
  const isRadius = (step: unknown): step is number => typeof step === 'number' && step > 0;
  if (format === MESSAGE_FORMAT) {
    if (!isRadius(delta0) || typeof candidates !== 'number' || !(candidates >= 2) || candidates % 2 !== 0)
      throw new ConfigError(
        `${file}: expected a "delta0" above 0 and an even number of "candidates", got ${JSON.stringify({ delta0, candidates })}; repeat the swap`,
      );
    return { kind: 'messages', delta0, candidates, ...componentFolders(dir) };
  }
  if (format !== FORMAT)
    throw new ConfigError(
      `${file}: expected format "${FORMAT}", got ${JSON.stringify(format)}; a newer troupe may have written it`,
    );
  if (!Array.isArray(steps) || steps.length === 0 || !steps.every(isRadius))
    throw new ConfigError(
      `${file}: expected "steps" to be radii above 0, got ${JSON.stringify(steps)}; repeat the swap`,
    );
  return { kind: 'tokens', steps, ...componentFolders(dir) };
}

function parsed(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new ConfigError(
      `${file}: expected a readable JSON file, got ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}
