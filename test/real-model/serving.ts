/**
 * Starts a server of the command line for a test.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { TROUPE } from '../spawn-troupe.ts';

export interface RunningServer {
  /** Address of the OpenAI-compatible API. */
  readonly url: string;
  readonly process: ChildProcess;
  /** Exit code and signal. */
  readonly exited: Promise<unknown[]>;
}

/** Runs `troupe` with arguments that start a server, and waits until it prints its address. */
export async function startServer(dir: string, args: readonly string[]): Promise<RunningServer> {
  const server = spawn(process.execPath, [TROUPE, ...args, '--port', '0'], {
    ...{ cwd: dir, stdio: ['ignore', 'pipe', 'ignore'] as ['ignore', 'pipe', 'ignore'] },
  });
  const exited = once(server, 'exit');
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: server.stdout }).on('line', (line) => {
      const found = /^API +(\S+)/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
    server.once('exit', (code) => reject(new Error(`the server exited with ${code}`)));
  });
  return { url, process: server, exited };
}
