import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadProtocol } from './protocol.ts';

const VALID = `export default (agents: number) => ({
  name: 'first speaks', maxTurns: 1, active: (turn: number) => (turn === 0 ? [agents - 1] : []),
  view: () => [], decide: (messages: readonly unknown[]) => messages[0],
});`;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'troupe-protocol-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

let count = 0;
function load(text: string) {
  const path = join(dir, `protocol-${count++}.ts`);
  writeFileSync(path, text);
  return loadProtocol({ kind: 'module', path }, 3);
}

describe('a protocol module', () => {
  it('creates a protocol for the number of agents', async () => {
    const protocol = await load(VALID);
    expect(protocol).toMatchObject({ name: 'first speaks', maxTurns: 1 });
    expect(protocol.active(0, [], 3)).toEqual([2]);
  });

  it.each([
    ['export const protocol = 1;', 'expected a default export (agents) => protocol, got another value'],
    ['export default () => { throw new Error("no"); };', 'expected a protocol, got an error: no'],
    [
      "export default () => ({ name: '', maxTurns: 0 });",
      'expected a protocol with a name; expected a protocol with maxTurns, an integer >= 1; expected a protocol with a method active',
    ],
    ['export default (agents) => {', 'expected a module that loads, got: '],
  ])('is rejected in one line: %s', async (text, message) => {
    await expect(load(text)).rejects.toThrow(message);
    await expect(load(text)).rejects.toThrow(/^[^\n]*$/);
  });

  it('is rejected if there is no file', async () => {
    await expect(loadProtocol({ kind: 'module', path: join(dir, 'none.ts') }, 2)).rejects.toThrow(
      'none.ts: expected a TypeScript module, got no file',
    );
  });
});
