/**
 * Encodes texts in a thread of its own. The Rust library's Node binding encodes asynchronously only; the main
 * thread, whose tokenizer interface is synchronous, waits for this thread's answer.
 * @see encoder-thread.ts, which starts this file and defines the messages
 * @module
 */
import { workerData } from 'node:worker_threads';
import { Tokenizer } from 'tokenizers';
import type { Connection, Encodings, Reply, Request } from './encoder-thread.ts';

const { port, replies } = workerData as Connection;
const tokenizers = new Map<number, Tokenizer>();

function load(id: number, json: string): void {
  const tokenizer = Tokenizer.fromString(json);
  // Transformers resets both as well: they belong to batches, not to the text
  tokenizer.disableTruncation();
  tokenizer.disablePadding();
  tokenizers.set(id, tokenizer);
}

function idsOf(id: number, tokens: readonly string[]): Int32Array {
  const tokenizer = tokenizers.get(id);
  return Int32Array.from(tokens, (token) => tokenizer?.tokenToId(token) ?? -1);
}

async function encode(id: number, texts: readonly string[]): Promise<Encodings> {
  const tokenizer = tokenizers.get(id);
  if (tokenizer === undefined) throw new RangeError(`encoder thread: no tokenizer ${id}`);
  const encodings = texts.map((text) => tokenizer.encode(text, null, { addSpecialTokens: false }));
  return (await Promise.all(encodings)).map((encoding) => Int32Array.from(encoding.getIds()));
}

async function answer(request: Exclude<Request, { kind: 'unload' }>): Promise<Encodings> {
  switch (request.kind) {
    case 'load':
      load(request.tokenizer, request.json);
      return [idsOf(request.tokenizer, request.added)];
    case 'encode':
      return encode(request.tokenizer, request.texts);
  }
}

port.on('message', async (request: Request) => {
  if (request.kind === 'unload') {
    tokenizers.delete(request.tokenizer);
    return;
  }
  let reply: Reply;
  try {
    reply = { call: request.call, encodings: await answer(request) };
  } catch (error) {
    reply = { call: request.call, error: error instanceof Error ? error.message : String(error) };
  }
  port.postMessage(reply);
  Atomics.add(replies, 0, 1);
  Atomics.notify(replies, 0);
});
