"""Runs the workload of model-run.ts with PyTorch and Transformers; prints the same measurements.

Float32 like the ONNX engine, with scaled_dot_product_attention: a sampling loop with a KV cache, then log-probabilities
of messages and their gradient.
"""

import json
import statistics
import sys
import time

import torch
from transformers import AutoModelForCausalLM

job = json.loads(sys.argv[1])
work = job["workload"]
torch.manual_seed(0)
torch.set_num_threads(job["threads"])


def timed(run):
    """Returns the median duration of several runs after a warm-up, seconds."""
    run()
    times = []
    for _ in range(work["rounds"]):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


start = time.perf_counter()
model = AutoModelForCausalLM.from_pretrained(job["dir"], dtype=torch.float32)
if job["kind"] == "lora":
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(
        model, LoraConfig(task_type="CAUSAL_LM", r=16, lora_alpha=32, target_modules="all-linear")
    )
model.eval()
load_s = time.perf_counter() - start


@torch.no_grad()
def decode(contexts, count):
    """Samples `count` tokens for each row of contexts [B, T]."""
    out = model(input_ids=contexts, use_cache=True, logits_to_keep=1)
    for i in range(count):
        logp = torch.log_softmax(out.logits[:, -1], -1)
        token = torch.multinomial(logp.exp(), 1)
        logp.gather(1, token)
        if i + 1 < count:
            out = model(input_ids=token, past_key_values=out.past_key_values, use_cache=True)


contexts = torch.randint(2, 1002, (work["decodeBatch"], work["context"]))
decoding = timed(lambda: decode(contexts, work["decodeTokens"]))
decoded = work["decodeBatch"] * work["decodeTokens"]

length = work["context"] + work["message"]
tokens = torch.randint(2, 1002, (work["batch"], length))
trained = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=1e-5, foreach=True)


def backward():
    logits = model(input_ids=tokens[:, :-1], use_cache=False, logits_to_keep=work["message"]).logits
    logp = torch.log_softmax(logits, -1).gather(2, tokens[:, -work["message"] :, None])
    (-0.01 * logp.sum()).backward()


def step():
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()


train = timed(backward)
step_s = timed(step)
# VmHWM is the peak memory of this process alone; ru_maxrss can include memory of the parent at the time of the fork
with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 2**20
print(
    json.dumps(
        dict(
            load_s=load_s,
            peak_gib=peak,
            decode_tokens_per_s=decoded / decoding,
            train_tokens_per_s=work["batch"] * length / train,
            step_s=step_s,
        )
    )
)
