# SPDX-License-Identifier: MIT
"""The pair layout that llama.cpp gives each architecture of gguf-py, and whether posenc reads the same."""
import gguf

# Transcribed by hand from llama_model_rope_type() of llama.cpp. Names are those of GGUF files.
NORM = """llama llada llama4 deci baichuan starcoder internlm2 minicpm xverse command-r cohere2 olmo arctic deepseek
deepseek2 deepseek2-ocr plm chatglm granite granitemoe granitehybrid chameleon bailingmoe neo-bert smollm3 arcee ernie4_5
ernie4_5-moe mistral3 mistral4 llama-embed maincoder glm-dsa glm4""".split()
NEOX = """falcon falcon-h1 grok dbrx bert jina-bert-v3 modern-bert nomic-bert nomic-bert-moe eurobert stablelm bitnet qwen
qwen2 dream qwen2moe qwen3 qwen3moe llada-moe rnd1 olmo2 olmoe phi2 phi3 phimoe plamo plamo2 plamo3 gemma gemma2 gemma3
gemma3n gemma4 gemma-embedding starcoder2 openelm gptneox codeshell orion nemotron exaone exaone4 exaone-moe minicpm3
bailingmoe2 dots1 hunyuan-moe jais2 gpt-oss hunyuan-dense lfm2 lfm2moe smallthinker seed_oss grovemoe apertus minimax-m2
cogvlm pangu-embedded afmoe qwen3next mimo2 step35 glm4moe hunyuan_vl""".split()
MROPE = "qwen2vl paddleocr".split()
IMROPE = "qwen3vl qwen3vlmoe qwen35 qwen35moe".split()


def metadata(name):
    """A small file of an architecture, with what any of them needs."""
    sizes = {"block_count": 8, "context_length": 4096, "embedding_length": 1024, "attention.head_count": 8,
             "attention.head_count_kv": 8, "attention.key_length": 128, "attention.value_length": 128,
             "rope.dimension_count": 128, "rope.freq_base": 54321.0, "attention.sliding_window": 512,
             "attention.layer_norm_rms_epsilon": 1e-6}
    if name in MROPE or name in IMROPE:
        sizes["rope.dimension_sections"] = [24, 20, 20, 0]
    if name in ("deepseek2", "deepseek2-ocr", "mistral4", "glm-dsa", "minicpm3", "plm"):
        sizes["rope.dimension_count"] = 64
    return {"general.architecture": name, **{f"{name}.{key}": value for key, value in sizes.items()}}


def check(driver):
    """(architecture, verdict) of every architecture of gguf-py that rotates."""
    rows = []
    for name in sorted(set(gguf.MODEL_ARCH_NAMES.values())):
        if name not in NORM + NEOX + MROPE + IMROPE:
            continue
        kind = "interleaved" if name in NORM else "half_split"
        read = driver.ask(gguf=metadata(name))
        if "refused" in read:
            rows.append((name, "refused: " + read["refused"]))
        elif not read["sets"]:
            rows.append((name, "right" if name in ("bert", "starcoder") else "WRONG: nothing rotates"))
        elif any(rope["pairs"] != kind for rope in read["sets"]):
            rows.append((name, f"WRONG: {read['sets'][0]['pairs']}"))
        elif (name in MROPE or name in IMROPE) != ("axes" in read["sets"][0]):
            rows.append((name, "WRONG: axes"))
        else:
            rows.append((name, "right"))
    return rows
