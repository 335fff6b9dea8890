/**
 * Tensor names of GGUF files and of Hugging Face checkpoints, in both directions, and the two changes that llama.cpp's
 * converter makes to values: it reorders the rows of query and key projections of the `llama` family for its own
 * layout of rotary embeddings, and adds 1 to the norm weights of Gemma.
 * @see llama.cpp, gguf-py/gguf/tensor_mapping.py; conversion/llama.py `permute`; conversion/gemma.py `norm_shift`
 * @module
 */

/** Change of a tensor's values between a Hugging Face checkpoint and a GGUF file. */
export type TensorChange = 'none' | 'permute_heads' | 'permute_kv_heads' | 'norm_plus_one';

/** Traits of a GGUF architecture on which names and values of tensors depend. */
export interface TensorTraits {
  /** Whether rows of query and key projections are reordered. */
  readonly permutesHeads: boolean;
  /** Whether norm weights are stored with 1 added. */
  readonly addsOneToNorms: boolean;
  /** Whether outputs of attention and MLP are normalized before the residual addition, as in Gemma 2 and 3. */
  readonly sandwichNorms: boolean;
}

/** Tensors outside of the layers: GGUF name to Hugging Face name. */
const GLOBAL: Readonly<Record<string, string>> = {
  'token_embd.weight': 'model.embed_tokens.weight',
  'output_norm.weight': 'model.norm.weight',
  'output.weight': 'lm_head.weight',
};

/** Modules of a layer that all architectures name alike: GGUF name to Hugging Face name, without `.weight`. */
const LAYER: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  attn_q_norm: 'self_attn.q_norm',
  attn_k_norm: 'self_attn.k_norm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
};

const PLAIN_NORMS: Readonly<Record<string, string>> = { ffn_norm: 'post_attention_layernorm' };

const SANDWICH_NORMS: Readonly<Record<string, string>> = {
  post_attention_norm: 'post_attention_layernorm',
  ffn_norm: 'pre_feedforward_layernorm',
  post_ffw_norm: 'post_feedforward_layernorm',
};

function modules({ sandwichNorms }: TensorTraits): Readonly<Record<string, string>> {
  return { ...LAYER, ...(sandwichNorms ? SANDWICH_NORMS : PLAIN_NORMS) };
}

/**
 * Returns the Hugging Face name of a GGUF tensor; undefined for tensors that a checkpoint does not have.
 *
 * @example huggingFaceName('blk.3.attn_q.weight', traits); // => 'model.layers.3.self_attn.q_proj.weight'
 */
export function huggingFaceName(name: string, traits: TensorTraits): string | undefined {
  const found = GLOBAL[name];
  if (found !== undefined) return found;
  const [, layer, module = '', kind] = /^blk\.(\d+)\.(\w+)\.(weight|bias)$/.exec(name) ?? [];
  const renamed = modules(traits)[module];
  return renamed === undefined ? undefined : `model.layers.${layer}.${renamed}.${kind}`;
}

/**
 * Returns the GGUF name of a tensor of a Hugging Face checkpoint; undefined for tensors that GGUF files do not have.
 *
 * @example ggufName('model.layers.3.self_attn.q_proj.weight', traits); // => 'blk.3.attn_q.weight'
 */
export function ggufName(name: string, traits: TensorTraits): string | undefined {
  const global = Object.entries(GLOBAL).find(([, other]) => other === name);
  if (global) return global[0];
  const [, layer, module, kind] = /^model\.layers\.(\d+)\.([\w.]+)\.(weight|bias)$/.exec(name) ?? [];
  const found = Object.entries(modules(traits)).find(([, other]) => other === module);
  return found && `blk.${layer}.${found[0]}.${kind}`;
}

/** Returns how the values of a tensor change. @param name - Hugging Face name */
export function tensorChange(name: string, traits: TensorTraits): TensorChange {
  if (traits.permutesHeads && /\.q_proj\.(weight|bias)$/.test(name)) return 'permute_heads';
  if (traits.permutesHeads && /\.k_proj\.(weight|bias)$/.test(name)) return 'permute_kv_heads';
  if (traits.addsOneToNorms && name.endsWith('norm.weight')) return 'norm_plus_one';
  return 'none';
}

/**
 * Reorders the rows of a query or key projection. A Hugging Face checkpoint has, for each head, the first components
 * of all rotary pairs, then the second components; a GGUF file of the `llama` family has the pairs next to each other.
 *
 * @param values - matrix [rows, columns], or bias [rows] with `columns` = 1; it is not changed
 * @param direction - `to_gguf`, or `to_hugging_face` for the inverse
 */
export function permuteHeads(
  values: Float32Array,
  {
    heads,
    rows,
    columns,
    direction,
  }: {
    readonly heads: number;
    readonly rows: number;
    readonly columns: number;
    readonly direction: 'to_gguf' | 'to_hugging_face';
  },
): Float32Array {
  const headDim = rows / heads;
  const half = headDim / 2;
  if (!Number.isInteger(half))
    throw new RangeError(`permuteHeads: expected an even number of rows per head, got ${headDim}`);
  const permuted = new Float32Array(values.length);
  for (let head = 0; head < heads; head++)
    for (let pair = 0; pair < half; pair++)
      for (let side = 0; side < 2; side++) {
        const apart = head * headDim + side * half + pair;
        const together = head * headDim + 2 * pair + side;
        const [from, to] = direction === 'to_gguf' ? [apart, together] : [together, apart];
        permuted.set(values.subarray(from * columns, (from + 1) * columns), to * columns);
      }
  return permuted;
}
