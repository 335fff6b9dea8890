/**
 * Validates token ids before they are graph inputs. ONNX Runtime accepts negative ids (it counts them from the end), and
 * its errors for ids that are too large name graph nodes instead of tokens.
 * @module
 */
import { EngineError } from '../../../support/errors.ts';
import type { Sequence } from '../../engine.ts';
import type { DecoderConfig } from '../decoder/config.ts';
import { inputLength } from './batch.ts';

type Limits = Pick<DecoderConfig, 'vocabSize' | 'maxPositions'>;

/** Validates a context. @throws EngineError if it is empty or has an id outside of the vocabulary */
export function checkContext(context: Int32Array, { vocabSize }: Limits): void {
  if (context.length === 0) throw new EngineError('engine onnx: expected a context of at least one token');
  checkTokens(context, vocabSize);
}

/** Validates a sequence. @throws EngineError if its context is empty, an id is invalid, or it is too long */
export function checkSequence(sequence: Sequence, limits: Limits): void {
  checkContext(sequence.context, limits);
  checkTokens(sequence.tokens, limits.vocabSize);
  const length = inputLength(sequence);
  if (length > limits.maxPositions)
    throw new EngineError(
      `engine onnx: expected at most ${limits.maxPositions} tokens (max_position_embeddings), got ${length}`,
    );
}

function checkTokens(tokens: Int32Array, vocabSize: number): void {
  for (let t = 0; t < tokens.length; t++)
    if (!(tokens[t] >= 0 && tokens[t] < vocabSize))
      throw new EngineError(
        `engine onnx: expected token ids from 0 to ${vocabSize - 1}, got ${tokens[t]}; the tokens are another model's`,
      );
}
