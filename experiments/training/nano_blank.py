"""The nano before it has learned anything: its tokenizer, its configuration, its first weights.

    python -m experiments blank_nano --out blank

The vocabulary begins with the tokens of dense prompts (`agents.qwen.dense.TOKENS`, whose places are their
ids); the rest is a byte-level BPE over reports in words from training scenarios.
"""

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import closing
from itertools import islice

import numpy as np
import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from agents.qwen.dense import EVEN, IDS, PADDING, SCALES, SPECIAL, TOKENS
from agents.qwen.loading import quiet
from envs.batch import BatchEnv
from envs.episodes import make_env
from envs.reports import Reporter
from experiments.running import run_folder
from experiments.running.options import common
from experiments.running.progress import bar
from experiments.running.rollout import Turn, Watcher, play
from experiments.training.splits import DRAWS, FIRST_TRAINING_SEED, training_scenarios
from experiments.training.teachers import TEACHERS
from sandbox.errors import SandboxError
from sandbox.scenario import Scenario

VOCABULARY = 3712
DENSE = r"<[a-z_]+[:_][0-9]{2,3}>"
SPLIT = (
    rf"{DENSE}| (?={DENSE})|(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}"
    rf"| ?(?:(?!{DENSE})[^\s\p{{L}}\p{{N}}])+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""Where text is cut before merging: dense tokens whole, words with the space before them, digits singly."""
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% set content = message.content.split('</think>')[-1].lstrip('\\n') "
    "if message.role == 'assistant' else message.content %}"
    "{{ '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}"
    "{% if enable_thinking is defined and enable_thinking is false %}"
    "{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}{% endif %}"
)
"""Qwen's markers: roles, an empty thinking block where thinking is off, no thoughts of earlier turns."""
MAX_POSITIONS = 2048
RECORD = "training.json"
"""Says in a folder that its model was trained here."""


def blank_config() -> Qwen3Config:
    """A Qwen3 of 1.2 million parameters, every field given."""
    return Qwen3Config(
        vocab_size=VOCABULARY,
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        hidden_act="silu",
        max_position_embeddings=MAX_POSITIONS,
        initializer_range=0.02,
        rms_norm_eps=1e-6,
        use_cache=True,
        tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        attention_bias=False,
        use_sliding_window=False,
        sliding_window=None,
        max_window_layers=4,
        layer_types=["full_attention"] * 4,
        attention_dropout=0.0,
        pad_token_id=IDS[PADDING],
        bos_token_id=None,
        eos_token_id=IDS["<|im_end|>"],
    )


def blank_model(seed: int) -> Qwen3ForCausalLM:
    """Random weights; buckets of one feature lie along a smooth curve, so that neighbours begin alike."""
    torch.manual_seed(seed)
    model = Qwen3ForCausalLM(blank_config()).float()
    rng = np.random.default_rng(seed)
    table = model.get_input_embeddings().weight.data
    for name, (count, _, _) in (SCALES | {"bucket": EVEN}).items():
        first = IDS[f"<{name}:00>"]
        x = (np.arange(count) + 0.5) / count
        waves = [np.ones(count), 2 * x - 1, *(np.cos(np.pi * k * x) / k for k in range(2, 9))]
        curve = np.stack(waves, axis=1) @ rng.normal(size=(len(waves), table.shape[1]))
        table[first : first + count] = torch.from_numpy(0.02 * curve).float()
    return model


def make_tokenizer(scenarios: int = 3, seed: int = 0) -> PreTrainedTokenizerFast:
    """The tokenizer, its merges learned from reports of `scenarios` training scenarios of every problem."""
    learner = Tokenizer(models.BPE())
    learner.normalizer, learner.pre_tokenizer = _shape()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    learner.train_from_iterator(_reports(scenarios, seed), trainer)
    state = learner.get_vocab()
    words = sorted(state, key=state.__getitem__)
    merges = [(first, second) for first, second in json.loads(learner.to_str())["model"]["merges"]]
    vocabulary = {token: i for i, token in enumerate((*TOKENS, *words))}
    if len(vocabulary) > VOCABULARY:
        raise SandboxError(f"The tokenizer has {len(vocabulary)} tokens; raise VOCABULARY from {VOCABULARY}.")
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=True))
    tokenizer.normalizer, tokenizer.pre_tokenizer = _shape()
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PADDING,
        eos_token="<|im_end|>",
        padding_side="left",
        model_max_length=MAX_POSITIONS,
        clean_up_tokenization_spaces=False,
        chat_template=CHAT_TEMPLATE,
    )


def _shape() -> tuple[normalizers.Normalizer, pre_tokenizers.PreTokenizer]:
    split = pre_tokenizers.Split(Regex(SPLIT), "isolated")
    return normalizers.NFC(), pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )


def _reports(scenarios: int, seed: int) -> Iterator[str]:
    with bar("reading reports", len(DRAWS) * scenarios) as line:
        for problem in DRAWS:
            for scenario in islice(training_scenarios(problem, seed), scenarios):
                yield from _reports_of(problem, scenario, FIRST_TRAINING_SEED + seed)
                line.more()


def _reports_of(problem: str, scenario: Scenario, seed: int) -> Iterator[str]:
    with closing(make_env(problem, scenario)) as env:
        read = _Read(Reporter(env.problem))
        play(env, TEACHERS[problem](env), seed, [read])
        yield from read.texts


class _Read(Watcher):
    """What the satellites of world 0 read in every thirtieth of the first 300 rounds."""

    def __init__(self, reporter: Reporter) -> None:
        self.texts, self._reporter, self._round = [reporter.system], reporter, 0

    def decided(self, env: BatchEnv, turn: Turn) -> bool:
        if self._round == 300:
            return True
        if self._round % 30 == 0:
            self.texts += map(self._reporter.report, turn.observation[0], turn.info["action_mask"][0])
        self._round += 1
        return False


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    from experiments.training.train_nano import own_folder

    parser.add_argument("--out", type=own_folder, required=True, metavar="DIR", help="where it is saved")
    common(parser, seed=0)


def run(told: Namespace) -> None:
    """Make the tokenizer and the weights, save them as a training that has not begun."""
    model = blank_model(told.seed)
    told.out.mkdir(parents=True, exist_ok=True)
    record = {"arguments": {"seed": str(told.seed)}, "cpu_s": None}
    run_folder.write_json(told.out / RECORD, {"format": run_folder.format_of("training"), **record})
    make_tokenizer().save_pretrained(told.out)
    with quiet():
        model.save_pretrained(told.out)
    print(f"saved in {told.out}, {model.num_parameters():,} parameters")
    if told.json:
        numbers = {"folder": str(told.out), "parameters": model.num_parameters()}
        run_folder.keep_records(told.json, "blank nano", [numbers])
