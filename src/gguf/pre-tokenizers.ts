/**
 * Pre-tokenizers of BPE tokenizers in GGUF files. A file names its pre-tokenizer in `tokenizer.ggml.pre`; the regular
 * expressions are those of llama.cpp, so that both split texts alike. Each expression splits the pieces that the one
 * before it has left.
 * @see llama.cpp, src/llama-vocab.cpp, `llm_tokenizer_bpe`
 * @module
 */

export interface PreTokenizer {
  /** Regular expressions whose matches become pieces, in order. */
  readonly patterns: readonly string[];
  /** Whether a piece that is a token is not split by merges. */
  readonly ignoreMerges: boolean;
  /** Whether a begin token is added to a text by default. */
  readonly addsBegin: boolean;
}

const BACKTICK = '`';

const CONTRACTIONS = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])";
/** End of most expressions: punctuation with line breaks, line breaks, and spaces except the one before a word. */
const REST = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const WORD = String.raw`[^\r\n\p{L}\p{N}]?\p{L}+`;

const GPT2 = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;
const LLAMA3 = String.raw`${CONTRACTIONS}|${WORD}|\p{N}{1,3}|${REST}`;
const QWEN2 = String.raw`${CONTRACTIONS}|${WORD}|\p{N}|${REST}`;
const QWEN35 = String.raw`${CONTRACTIONS}|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
/** Upper and lower case letters as llama.cpp tells them apart: letters outside of ASCII belong to both. */
const UPPER = String.raw`(?:(?=\p{L})[^a-z])`;
const LOWER = String.raw`(?:(?=\p{L})[^A-Z])`;
const CASED_REST = String.raw` ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const CASED = (suffix: string): string =>
  String.raw`[^\r\n\p{L}\p{N}]?${UPPER}*${LOWER}+${suffix}|[^\r\n\p{L}\p{N}]?${UPPER}+${LOWER}*${suffix}`;
const TEKKEN = String.raw`${CASED('')}|\p{N}|${CASED_REST}`;
const GPT4O = String.raw`${CASED(`${CONTRACTIONS}?`)}|\p{N}{1,3}|${CASED_REST}`;
const SEED_CODER = String.raw`${CONTRACTIONS}|${WORD}|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+`;
const BAILING = String.raw`'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|${WORD}|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`;
const MINICPM5 = String.raw`${CONTRACTIONS}|${WORD}|\p{N}+|${REST}`;
const CJK = '[一-龥\u3040-ゟ゠-ヿ]+';
const DEEPSEEK_V3 = [
  String.raw`\p{N}{1,3}`,
  CJK,
  String.raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_${BACKTICK}{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
];
/** llama.cpp treats white space outside of ASCII as no member of a range. */
const DEEPSEEK_CJK = String.raw`(?:(?!\s)[一-龥ࠀ-一가-\uD7FF])+`;
const DEEPSEEK_CODER = [
  String.raw`[\r\n]`,
  String.raw`\s?\p{L}+`,
  String.raw`\s?\p{P}+`,
  DEEPSEEK_CJK,
  String.raw`\p{N}`,
];
const DEEPSEEK_LLM = [
  String.raw`[\r\n]`,
  // letters with case, listed because this tokenizer was made before a later version of Unicode
  String.raw`\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+`,
  String.raw`\s?(?:(?!\s)[!-/:-~！-／：-～‘-‟　-。])+`,
  String.raw`\s+$`,
  DEEPSEEK_CJK,
  String.raw`\p{N}+`,
];
const FALCON = [String.raw`[\p{P}\$\+<=>\^~\|${BACKTICK}]+`, GPT2, '[0-9][0-9][0-9]'];
const DEFAULT = [String.raw`[\p{P}\$\+<=>\^~\|]+`, GPT2, String.raw`\p{N}+`, '[0-9][0-9][0-9]'];
const STARCODER = [String.raw`\p{N}`, GPT2];

/** Names of pre-tokenizers by their expressions. */
const NAMES: readonly (readonly [patterns: readonly string[], names: string])[] = [
  [DEFAULT, 'default'],
  [
    [GPT2],
    'gpt-2 phi-2 mpt olmo jais gigachat a.x-4.0 mellum exaone4 trillion granite-docling jina-es jina-de',
  ],
  [
    [LLAMA3],
    'llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2 dbrx smaug-bpe chatglm-bpe glm4 glm5',
  ],
  [[QWEN2], 'qwen2 deepseek-r1-qwen kormo f2llmv2 megrez stablelm2 hunyuan solar-open grok-2'],
  [[QWEN35], 'qwen35'],
  [STARCODER, 'smollm starcoder refact command-r codeshell exaone minerva-7b mellum2'],
  [DEEPSEEK_LLM, 'deepseek-llm'],
  [DEEPSEEK_CODER, 'deepseek-coder'],
  [DEEPSEEK_V3, 'deepseek-v3 hunyuan-dense joyai-llm hy_v4'],
  [FALCON, 'falcon'],
  [[TEKKEN], 'tekken'],
  [[GPT4O], 'gpt-4o llama4 kanana2 talkie minimax-m2'],
  [[SEED_CODER], 'seed-coder'],
  [[BAILING], 'bailingmoe bailingmoe2 llada-moe'],
  [[String.raw`\p{N}{1,3}`, MINICPM5], 'minicpm5'],
  [[String.raw`${WORD}|\p{N}|${REST}`], 'ufakzeka'],
];

const IGNORE_MERGES = new Set(
  'llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2 tekken minicpm5 glm4 glm5'.split(' '),
);
const ADD_BEGIN = new Set(
  'llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2 tekken'.split(' '),
);

const BY_NAME: ReadonlyMap<string, readonly string[]> = new Map(
  NAMES.flatMap(([patterns, names]) => names.split(' ').map((name) => [name, patterns] as const)),
);

/** Names of the supported pre-tokenizers. */
export const PRE_TOKENIZER_NAMES: readonly string[] = [...BY_NAME.keys()];

/** Returns a pre-tokenizer by its name in GGUF files; undefined if it is not supported. */
export function preTokenizer(name: string): PreTokenizer | undefined {
  const patterns = BY_NAME.get(name);
  return patterns && { patterns, ignoreMerges: IGNORE_MERGES.has(name), addsBegin: ADD_BEGIN.has(name) };
}
