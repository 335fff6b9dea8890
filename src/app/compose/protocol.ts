/**
 * Creates the protocol that a team file or a serve file names: a protocol of `src/team/protocols.ts`, or a
 * user's module.
 * @module
 */
import { existsSync } from 'node:fs';
import { ConfigError } from '../../support/errors.ts';
import { createProtocol, type ProtocolOptions } from '../../team/protocols.ts';
import type { Protocol } from '../../team/team.ts';

/** The section `protocol` of a team file or a serve file; the path of a module is absolute. */
export type ProtocolSection = ProtocolOptions | { readonly kind: 'module'; readonly path: string };

/**
 * @throws ConfigError if the user's module cannot be loaded, or its protocol lacks a required field or method
 */
export async function loadProtocol(section: ProtocolSection, agents: number): Promise<Protocol> {
  if (section.kind !== 'module') return createProtocol(section, agents);
  const { path } = section;
  if (!existsSync(path)) throw moduleError(path, 'expected a TypeScript module, got no file');
  const create = await importDefault(path);
  if (typeof create !== 'function')
    throw moduleError(path, 'expected a default export (agents) => protocol, got another value');
  let protocol: unknown;
  try {
    protocol = create(agents);
  } catch (cause) {
    throw moduleError(path, `expected a protocol, got an error: ${messageOf(cause)}`, cause);
  }
  const mistakes = mistakesOf(protocol);
  if (mistakes.length > 0) throw moduleError(path, mistakes.join('; '));
  return protocol as Protocol; // mistakesOf has checked the required fields and methods
}

async function importDefault(path: string): Promise<unknown> {
  const { importTypeScript } = await import('../../support/typescript-loader.ts');
  try {
    return (await importTypeScript(path)).default;
  } catch (cause) {
    throw moduleError(path, `expected a module that loads, got: ${messageOf(cause)}`, cause);
  }
}

function mistakesOf(protocol: unknown): string[] {
  const found = (typeof protocol === 'object' && protocol !== null ? protocol : {}) as Partial<Protocol>;
  const { maxTurns } = found;
  return [
    ...(typeof found.name === 'string' && found.name !== '' ? [] : ['expected a protocol with a name']),
    ...(Number.isSafeInteger(maxTurns) && Number(maxTurns) >= 1
      ? []
      : ['expected a protocol with maxTurns, an integer >= 1']),
    ...(['active', 'view', 'decide'] as const)
      .filter((method) => typeof found[method] !== 'function')
      .map((method) => `expected a protocol with a method ${method}`),
  ];
}

function moduleError(path: string, problem: string, cause?: unknown): ConfigError {
  return new ConfigError(`${path}: ${problem}`, {
    code: 'TROUPE_PROTOCOL_MODULE',
    issues: [{ file: path, path: 'path', message: problem }],
    cause,
  });
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
