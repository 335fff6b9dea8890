/**
 * Tests the creation of virtual environments. Shell scripts with configurable behaviour take the place of
 * Python.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ensureEnvironment, findEnvironment } from './environment.ts';

const root = mkdtempSync(join(tmpdir(), 'troupe-environment-'));
afterAll(() => rmSync(root, { recursive: true }));
const requirements = join(root, 'requirements.txt');
writeFileSync(requirements, 'torch==1\n');

let made = 0;
/**
 * Creates a script that prints a Python version, creates "environments" whose Python is a copy of the script,
 * and logs pip calls.
 */
function python(says: { version?: string; module?: string; venv?: string; pip?: string } = {}): string {
  const { version = '3.11', module = '', venv = 'exit 0', pip = 'exit 0' } = says;
  const path = join(root, `python-${made++}`);
  const script = `#!/bin/sh
case "$1 $2" in
  "-c "*) echo ${version}; ${module ? `echo ${module};` : ''} exit 0 ;;
  "-m venv") mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; ${venv} ;;
  "-m pip") echo "pip $*" >>"${path}.log"; ${pip} ;;
esac
`;
  writeFileSync(path, script);
  chmodSync(path, 0o755);
  return path;
}
const folder = (): string => join(root, `venv-${made++}`);

it('is created once, and again when the requirements change', async () => {
  const [base, at] = [python(), folder()];
  const lines: string[] = [];
  const options = { python: base, folder: at, requirements: [requirements] };
  expect(findEnvironment(options)).toBeUndefined();
  const first = await ensureEnvironment({ ...options, onLine: (line) => lines.push(line) });
  expect(first).toEqual({ python: join(at, 'bin', 'python'), isNew: true });
  expect(lines).toEqual([`creating a virtual environment in ${at}`, 'installing requirements.txt']);
  expect(await ensureEnvironment(options)).toEqual({ ...first, isNew: false });
  expect(findEnvironment(options)).toBe(first.python);
  const more = join(root, 'more.txt');
  writeFileSync(more, 'ray==1\n');
  expect(findEnvironment({ ...options, requirements: [requirements, more] })).toBeUndefined();
  expect((await ensureEnvironment({ ...options, requirements: [requirements, more] })).isNew).toBe(true);
  const asked = readFileSync(`${base}.log`, 'utf8').trim().split('\n');
  expect(asked).toHaveLength(2);
  expect(asked[1]).toMatch(/^pip -m pip install .*-r .*requirements.txt -r .*more.txt$/);
});

it.each([
  [
    'no Python',
    () => '/nowhere/python3',
    /expected a Python 3.10 or newer at "\/nowhere\/python3", got none/,
  ],
  ['an old Python', () => python({ version: '3.9' }), /expected a Python 3.10 or newer at ".*", got 3.9;/],
  [
    'a Python without ensurepip',
    () => python({ module: 'ensurepip' }),
    /has no module "ensurepip", which is needed to create environments; install python3-venv/,
  ],
  [
    'an environment that cannot be made',
    () => python({ venv: 'echo "Error: disk full" >&2; exit 1' }),
    /could not create an environment \(Error: disk full\)/,
  ],
  [
    'a pip that fails',
    () => python({ pip: 'echo "ERROR: No matching distribution" >&2; echo "[notice] new pip" >&2; exit 1' }),
    /pip could not install .*requirements.txt \(ERROR: No matching distribution\); nothing is left in /,
  ],
])('fails for %s with a one-line error, and leaves no files', async (_, base, message) => {
  const at = folder();
  const making = ensureEnvironment({ python: base(), folder: at, requirements: [requirements] });
  await expect(making).rejects.toThrow(message);
  await expect(making).rejects.not.toThrow(/\n/);
  expect(existsSync(at)).toBe(false);
});

it('is removed after an abort, when the child process has exited', async () => {
  const controller = new AbortController();
  const at = folder();
  const last = join(root, `last-${made}`);
  const making = ensureEnvironment({
    // this pip prints "ready" when it can be aborted, and still writes a file after the abort
    python: python({
      pip: `trap 'sleep 0.5; mkdir -p "${at}"; touch "${last}"; exit 1' TERM; echo ready; while :; do sleep 0.1; done`,
    }),
    folder: at,
    requirements: [requirements],
    signal: controller.signal,
    onLine: (line) => {
      if (line === 'ready') controller.abort();
    },
  });
  await expect(making).rejects.toThrow(/aborted/);
  expect([existsSync(last), existsSync(at)]).toEqual([true, false]);
});

it('is recreated if it is incomplete; other folders are not touched', async () => {
  const at = folder();
  mkdirSync(at);
  writeFileSync(join(at, 'troupe.json'), '{"requirements": ""}');
  const options = { python: python(), folder: at, requirements: [requirements] };
  expect((await ensureEnvironment(options)).isNew).toBe(true);
  const other = folder();
  mkdirSync(other);
  writeFileSync(join(other, 'thesis.tex'), 'years of work');
  await expect(ensureEnvironment({ ...options, folder: other })).rejects.toThrow(
    /expected an empty folder or an environment of troupe at .*; choose another folder with --venv/,
  );
  expect(existsSync(join(other, 'thesis.tex'))).toBe(true);
});
