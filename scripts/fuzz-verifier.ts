/**
 * `node --import ./scripts/typescript.mjs scripts/fuzz-verifier.ts [COUNT] [SEED]`: grades random texts with
 * both modes of the verifier of mathematical answers, and reports errors and the slowest verdict. The exit
 * code is 1 if a verdict threw an error or took more than 200 ms.
 * @module
 */
import { randomStream } from '../src/core/rng.ts';
import { fuzzedText } from '../src/grade/math/testing/fuzz.ts';
import { MATH_MODES, normalAnswer, verifyMath } from '../src/grade/math/verify.ts';

const LIMIT_MS = 200;
const SHOWN = 120;

function main(count: number, seed: number): number {
  let failures = 0;
  let slowest = { ms: 0, text: '' };
  for (let i = 0; i < count; i++) {
    const stream = randomStream(seed, i);
    const [gold, text] = [fuzzedText(stream), fuzzedText(stream)];
    // measures the CPU time of this process, because other processes share the machine
    const start = process.cpuUsage();
    try {
      for (const mode of MATH_MODES) verifyMath(gold, text, mode);
      normalAnswer(text);
    } catch (error) {
      failures++;
      console.log(`THROWN ${i}: ${String(error)}: ${shown(gold)} against ${shown(text)}`);
    }
    const { user, system } = process.cpuUsage(start);
    const ms = (user + system) / 1000;
    if (ms > LIMIT_MS) {
      failures++;
      console.log(`SLOW ${i}: ${ms.toFixed(0)} ms: ${shown(gold)} against ${shown(text)}`);
    }
    if (ms > slowest.ms) slowest = { ms, text: `${shown(gold)} against ${shown(text)}` };
  }
  console.log(`${count} texts, ${failures} failures, slowest ${slowest.ms.toFixed(1)} ms: ${slowest.text}`);
  return failures === 0 ? 0 : 1;
}

function shown(text: string): string {
  const quoted = JSON.stringify(text);
  return quoted.length > SHOWN ? `${quoted.slice(0, SHOWN)}... (${text.length} characters)` : quoted;
}

const [count = '100000', seed = '1'] = process.argv.slice(2);
process.exitCode = main(Number(count), Number(seed));
