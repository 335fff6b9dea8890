/**
 * Writes the base models of GGUF adapters: one file for all agents with the same base and chat template.
 * @module
 */
import { mkdirSync, realpathSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { type GgufModel, writeGgufModel } from '../export/export-gguf.ts';
import { isGgufModel } from '../gguf/model-path.ts';

/** Folder of the base models, in the folder of the team. */
const BASE_FOLDER = 'base';

/** The base of an adapter. */
interface SharedBase {
  /** Path in the folder of the team if the export wrote the file, else absolute. */
  readonly path: string;
  readonly isOwn: boolean;
  /** Ids of the end tokens for which the file has no room. */
  readonly dropped: readonly number[];
}

/** The bases that an export has written, by {@link keyOf}. */
export type SharedBases = Map<string, SharedBase>;

/**
 * Returns the base of an adapter, and writes its file if no agent before needed the same one. A GGUF file whose chat
 * template is not replaced is used where it is.
 *
 * @param to - folder of the team while it is written
 * @throws ConfigError if llama.cpp has no such model or tokenizer
 */
export function sharedBase(
  to: string,
  model: GgufModel,
  { bases, isReplaced }: { readonly bases: SharedBases; readonly isReplaced: boolean },
): SharedBase {
  const { whole } = model;
  if (isGgufModel(whole) && !isReplaced) return { path: resolve(whole), isOwn: false, dropped: [] };
  const key = keyOf(model);
  const written = bases.get(key);
  if (written !== undefined) return written;
  const name = (model.base ?? basename(whole)).replace(/^.*\//, '').replace(/\.gguf$/i, '');
  const file = freeName(`${name}-${model.type}`, bases);
  mkdirSync(join(to, BASE_FOLDER), { recursive: true });
  const path = `${BASE_FOLDER}/${file}`;
  const dropped = writeGgufModel(join(to, path), { ...model, name, base: undefined });
  const base = { path, isOwn: true, dropped };
  bases.set(key, base);
  return base;
}

/** Returns a text that is equal for agents whose base files would have the same content. */
function keyOf({ whole, described: { chatTemplate, endTokens, addsBegin }, type }: GgufModel): string {
  return JSON.stringify([realpathSync(whole), chatTemplate, endTokens, addsBegin, type]);
}

/** Returns the name of a file that no other base has, also where upper and lower case are the same. */
function freeName(name: string, bases: SharedBases): string {
  const taken = new Set([...bases.values()].map(({ path }) => basename(path).toLowerCase()));
  let file = `${name}.gguf`;
  for (let number = 2; taken.has(file.toLowerCase()); number++) file = `${name}-${number}.gguf`;
  return file;
}
