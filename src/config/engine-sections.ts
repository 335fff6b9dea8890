/**
 * Sections of a team file about the engine that runs the models. The descriptions are user documentation,
 * which `docs/config.md` and editors show.
 * @module
 */
import { z } from 'zod';
import { choice, flag, integer, number, text } from '../schema/fields.ts';

export const engineSection = z
  .strictObject({
    kind: choice(['onnx', 'torch', 'ray'])
      .default('onnx')
      .describe(
        'Engine. onnx: embedded, on the CPU. torch: PyTorch in a Python process on this machine (docs/torch.md). ray: PyTorch on a Ray cluster (docs/cluster.md).',
      ),
    threads: integer({ min: 0, max: 256 })
      .default(0)
      .describe('Threads per operator; 0: one per core, at most 8.'),
    spinning: flag()
      .default(false)
      .describe(
        'Whether idle threads busy-wait: slightly faster on an idle machine, several times slower on a busy one.',
      ),
    token_budget: integer({ min: 64 })
      .default(4096)
      .describe('Maximum tokens of a micro-batch, including padding; limits memory.'),
    decode_batch: integer({ min: 1, max: 4096 })
      .default(128)
      .describe('Messages sampled concurrently; a finished message is replaced by the next one.'),
    lora_rank: integer({ min: 0, max: 1024 })
      .default(0)
      .describe(
        'Rank of LoRA adapters, which are trained instead of all weights; agents with the same base model share its weights in memory. 0: all weights are trained.',
      ),
    lora_alpha: number({ above: 0 })
      .optional()
      .describe(
        'Scale of the adapters: lora_alpha / lora_rank, or lora_alpha / sqrt(lora_rank) with lora_rslora. Default: twice lora_rank.',
      ),
    lora_target_modules: text()
      .default('all-linear')
      .describe(
        'Projections with adapters, separated by commas: q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj. all-linear: all of them.',
      ),
    lora_rslora: flag().default(false).describe('Rank-stabilized scale of the adapters: alpha / sqrt(rank).'),
    base_dtype: choice(['auto', 'float32', 'bfloat16'])
      .default('auto')
      .describe(
        'Type of the shared base weights with adapters. auto: bfloat16 if the base has this type on disk and needs at least 3 GiB in float32, else float32.',
      ),
    activation_mib: integer({ min: 0 })
      .default(2048)
      .describe(
        'Memory for activations between forward and backward pass of a model that is too large for one graph, MiB; further layers are recomputed.',
      ),
  })
  .prefault({})
  .describe('The engine that runs the models.');

export const torchSection = z
  .strictObject({
    python: text('the path of a Python')
      .optional()
      .describe(
        'Python with PyTorch and Transformers: a name, or a path relative to the current folder. Default: $TROUPE_PYTHON, else that of "troupe worker install", else python3.',
      ),
    address: text('an address like http://127.0.0.1:8470')
      .optional()
      .describe(
        'Address of a running worker, which is used instead of starting one; $TROUPE_WORKER_TOKEN is its token.',
      ),
    device: text('a device of PyTorch')
      .optional()
      .describe(
        'Device of PyTorch: auto, cpu, cuda, cuda:1, ... Default: auto, which is a GPU if there is one.',
      ),
    dtype: choice(['float32', 'bfloat16'])
      .default('float32')
      .describe('Type of the computations; the optimizer always has float32 weights.'),
  })
  .optional()
  .describe('Settings of engine.kind torch (docs/torch.md).');

export const raySection = z
  .strictObject({
    address: text('an address')
      .default('auto')
      .describe(
        'auto: the Ray cluster of which this machine is a node. HOST:PORT: the head of a cluster. http://HOST:PORT: a running driver; $TROUPE_WORKER_TOKEN is its token. local: a new cluster on this machine, for this run only.',
      ),
    python: text('the path of a Python')
      .optional()
      .describe(
        'Python with Ray: a name, or a path relative to the current folder. Default: $TROUPE_PYTHON, else that of "troupe ray up", else python3.',
      ),
    cpus_per_agent: number({ min: 0, max: 1024 })
      .default(1)
      .describe('CPUs of the cluster per agent; also its number of threads, unless engine.threads is set.'),
    gpus_per_agent: number({ min: 0, max: 1024 })
      .default(0)
      .describe(
        'GPUs per agent. 0.5: two agents share a GPU. 0: CPUs only. 2 or more: the model is sharded over as many GPUs of one node.',
      ),
    ranks_per_agent: integer({ min: 0, max: 1024 })
      .default(0)
      .describe(
        'Processes of one node over which the model of an agent is sharded. 0: one per GPU, or one without GPUs.',
      ),
    placement: choice(['spread', 'pack'])
      .default('spread')
      .describe('spread: agents on as many nodes as possible. pack: on as few as possible.'),
    wait_seconds: number({ min: 0, max: 86_400 })
      .default(300)
      .describe('Maximum time to wait for busy resources and failed nodes, seconds.'),
    shared_files: flag()
      .default(false)
      .describe(
        'Whether model and run folders have the same paths on all nodes. false: files are copied to agents on other nodes and back.',
      ),
    dtype: choice(['float32', 'bfloat16'])
      .default('float32')
      .describe('Type of the computations; the optimizer always has float32 weights.'),
    num_cpus: integer({ min: 1, max: 1024 })
      .optional()
      .describe("With address local: CPUs of the cluster. Default: the machine's."),
    num_gpus: integer({ min: 0, max: 1024 })
      .optional()
      .describe("With address local: GPUs of the cluster. Default: the machine's."),
    object_store_mib: integer({ min: 80 })
      .optional()
      .describe("With address local: size of Ray's object store, MiB. Default: chosen by Ray."),
    temp_dir: text('a folder').optional().describe('With address local: folder of Ray. Default: /tmp/ray.'),
  })
  .optional()
  .describe('Settings of engine.kind ray (docs/cluster.md).');

export const samplerSection = z
  .strictObject({
    kind: choice(['auto', 'vllm', 'torch'])
      .default('auto')
      .describe(
        'vllm: vLLM, from python/troupe_worker/requirements-vllm.txt. torch: the trained model itself. auto: vllm on a GPU if it is installed and supports the architecture, else torch.',
      ),
    cache: number({ above: 0, max: 0.9 })
      .default(0.2)
      .describe('Share of the memory for models that the KV cache of vLLM may use.'),
  })
  .optional()
  .describe('The sampler with engine.kind torch or ray (docs/torch.md).');
