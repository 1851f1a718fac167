"""Servers with manners of their own: other fields, other places for the answer, reasons in other shapes."""

import json

import pytest
from fake_server import FakeServer, Manners, SystemOneServer, chat

from agents.qwen.dialects import Text, UnreadableReply, read_chat, read_usage
from agents.qwen.engines import make_engine
from agents.qwen.server import ServerEngine
from envs.replies import SAFE_ACTION
from sandbox.errors import SandboxError

FAST = {"debias": "none", "backoff_s": 0.01, "retries": 0, "timeout_s": 5.0}
KEY = "sk-hidden-0123456789"


@pytest.fixture
def one(requests_seen):
    return requests_seen[0]


def asking(server, **options):
    return ServerEngine(server.url, **FAST | options)


class Picky(Manners):
    """Refuses fields, by their names or without."""

    def __init__(
        self, refused, said="Unsupported parameter: '{}' is not supported with this model.", param=False
    ):
        self.refused, self.said, self.param, self.taken = refused, said, param, []

    def chat(self, body):
        for field in self.refused:
            if field in body:
                error = {"message": self.said.format(field), "param": field if self.param else None}
                return 400, {"error": error}
        self.taken.append(body)
        return super().chat(body)


@pytest.mark.parametrize(
    "refused",
    [
        ["max_tokens"],
        ["chat_template_kwargs", "max_tokens"],
        [
            "max_tokens",
            "chat_template_kwargs",
            "temperature",
            "logprobs",
            "structured_outputs",
            "response_format",
        ],
        ["temperature", "top_p", "seed", "max_tokens", "chat_template_kwargs", "reasoning_effort"],
    ],
)
@pytest.mark.parametrize("how", [{}, {"said": "Not allowed.", "param": True}])
@pytest.mark.parametrize("options", [{}, {"sample": True}, {"thinking": 40}])
def test_refused_fields_are_named_otherwise_or_left_out(one, refused, how, options):
    kind = Picky(refused, **how)
    with FakeServer(kind) as server:
        decision = asking(server, **options).decide([one])[0]
    assert not decision.fell_back
    assert decision.action == int(one.legal[-1])
    assert "max_completion_tokens" in kind.taken[-1]


def test_a_limit_refused_without_its_name(one):
    with FakeServer(Picky(["max_tokens"], said="unsupported parameter")) as server:
        assert not asking(server).decide([one])[0].fell_back


def test_fastapis_complaint_of_a_field(one):
    class Strict(Manners):
        def chat(self, body):
            if "max_tokens" in body:
                return 422, {"detail": [{"loc": ["body", "max_tokens"], "msg": "Extra inputs", "type": "x"}]}
            return super().chat(body)

    with FakeServer(Strict()) as server:
        assert not asking(server).decide([one])[0].fell_back


@pytest.mark.parametrize(
    "switch",
    [
        {"chat_template_kwargs": {"enable_thinking": False}},
        {"reasoning_effort": "none"},
        {"enable_thinking": False},
        {"thinking": {"type": "disabled"}},
        {"reasoning": {"enabled": False}},
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_each_switch_is_found(one, switch, strict):
    """Where the others are refused, and where they are ignored."""

    class Switched(Manners):
        def chat(self, body):
            known = {"model", "messages", "max_tokens", "temperature", "seed", "top_p", *switch}
            if strict and set(body) - known:
                return 400, {"message": "unknown field", "code": "InvalidParameter"}
            if any(body.get(name) != value for name, value in switch.items()):
                return 200, chat("", "length", reasoning_content="Let me think about that.")
            return super().chat(body)

    with FakeServer(Switched()) as server:
        engine = asking(server)
        assert engine.dialect.switch == switch
        assert not engine.decide([one])[0].fell_back


def test_thinking_is_turned_on_as_it_is_turned_off(one):
    class DashScope(Manners):
        def chat(self, body):
            if not {"chat_template_kwargs", "reasoning_effort"}.isdisjoint(body):
                return 400, {"code": "InvalidParameter", "message": "unknown field"}
            if body.get("enable_thinking") is not False:
                return 200, chat("Decision: B", reasoning_content="The Sun is up.")
            return super().chat(body)

    with FakeServer(DashScope()) as server:
        decision = asking(server, thinking=40).decide([one])[0]
        assert server.bodies()[-1]["enable_thinking"] is True
    assert (decision.action, decision.reasoning) == (1, "The Sun is up.")


PLACES = {
    "parts": lambda said: chat([{"type": "text", "text": said}]),
    "parts in pieces": lambda said: chat(
        [{"type": "text", "text": said[:1]}, {"type": "text", "text": said[1:]}]
    ),
    "strings": lambda said: chat([said]),
    "one part": lambda said: chat({"type": "text", "text": said}),
    "nested": lambda said: chat([{"type": "output_text", "text": [{"text": said}]}]),
    "end token": lambda said: chat(f"{said}<|im_end|>"),
    "misfiled": lambda said: chat(None, reasoning_content=said),
    "misfiled by its new name": lambda said: chat("", reasoning=said),
    "misfiled parts": lambda said: chat([{"type": "thinking", "thinking": [{"type": "text", "text": said}]}]),
    "a tool": lambda said: chat(
        None, tool_calls=[{"function": {"name": "d", "arguments": json.dumps({"decision": said})}}]
    ),
    "a tool with an object": lambda said: chat(
        None, tool_calls=[{"function": {"arguments": {"decision": said}}}]
    ),
    "a function": lambda said: chat(None, function_call={"name": said, "arguments": "{}"}),
}


@pytest.mark.parametrize("place", PLACES)
def test_the_answer_is_found_in_its_place(one, place):
    class Odd(Manners):
        def chat(self, body):
            said = self.say(body)
            return 200, chat(said) if said == "Hello!" else PLACES[place](said)

    with FakeServer(Odd()) as server:
        decision = asking(server, dialect="text").decide([one])[0]
    assert (decision.action, decision.finish) == (int(one.legal[-1]), "stop")


def test_thoughts_in_parts_are_thoughts(one):
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm, C"}]},
        {"type": "text", "text": "B"},
    ]
    assert read_chat(chat(parts))[1:3] == ("B", "hm, C")
    assert Text("m").read(chat(None, "length", reasoning="B"), None).text == "", "thoughts that were cut"


@pytest.mark.parametrize(
    "message",
    [
        None,
        {},
        {"content": None},
        {"content": ""},
        {"content": []},
        {"content": [{}]},
        {"content": [{"type": "image_url"}]},
        {"content": None, "refusal": "no"},
        {"content": " "},
        {"content": "<|im_end|>"},
        {"content": None, "tool_calls": [{}]},
    ],
)
def test_a_reply_without_text_is_counted(one, message):
    class Mute(Manners):
        def chat(self, body):
            return (200, {"choices": [{"message": message}]}) if "Power" in str(body) else super().chat(body)

    with FakeServer(Mute()) as server:
        decision = asking(server, dialect="text").decide([one])[0]
    assert (decision.finish, decision.fell_back, decision.action) == ("unreadable", True, SAFE_ACTION)


def test_a_server_that_says_nothing_is_not_said_to_think():
    class Mute(Manners):
        def chat(self, body):
            return 200, chat(None)

    with FakeServer(Mute()) as server, pytest.raises(SandboxError, match="an answer without text") as caught:
        asking(server)
    assert "thinks" not in str(caught.value)


@pytest.mark.parametrize("status", [200, 400, 404, 500])
@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "out of cheese"}},
        {"error": "out of cheese"},
        {"detail": "out of cheese"},
        {"object": "error", "message": "out of cheese", "code": 400},
    ],
)
def test_the_servers_reason_is_in_the_message_and_in_the_decision(one, status, body):
    with (
        FakeServer(lambda *asked: (status, body)) as server,
        pytest.raises(SandboxError, match="out of cheese") as caught,
    ):
        asking(server, model="m")
    assert str(caught.value).count("out of cheese") < 3, "once for all ways that fail alike"

    class Failing(Manners):
        def chat(self, asked):
            return (status, body) if "Power" in str(asked) else super().chat(asked)

    with FakeServer(Failing()) as server:
        decision = asking(server, dialect="text").decide([one])[0]
    assert decision.fell_back
    assert "out of cheese" in decision.text


def test_counts_beyond_reason_are_estimated(one):
    class Boasting(Manners):
        def chat(self, body):
            return 200, chat(self.say(body), usage={"prompt_tokens": 10**400, "completion_tokens": 1})

    with FakeServer(Boasting()) as server:
        decision = asking(server, dialect="text").decide([one])[0]
    assert decision.estimated
    assert read_usage({"usage": {"prompt_tokens": 10**9 + 1, "completion_tokens": 1}}) is None


def test_the_context_of_llama_cpp_is_read():
    class Llama(Manners):
        models = 200, {"data": [{"id": "q", "meta": {"n_ctx": 4096, "n_ctx_train": 32768}}]}

    with FakeServer(Llama()) as server:
        assert asking(server).context == 4096


def test_a_bare_list_of_models_is_one_and_a_long_one_is_shortened():
    class Bare(Manners):
        models = 200, [{"id": "only"}]

    with FakeServer(Bare()) as server:
        assert asking(server).model == "only"
        Bare.models = 200, {"data": [{"id": f"{k}-{'x' * 1000}\x1b[31m"} for k in range(500)]}
        with pytest.raises(SandboxError, match=r"give --model \(it lists 0-x.* and 480 more\)") as caught:
            asking(server)
    assert len(str(caught.value)) < 2500
    assert str(caught.value).isprintable()


def test_an_endpoint_that_is_not_there_for_one_request_is_asked_in_text(one):
    class Half(SystemOneServer):
        def systemone(self, body):
            return super().systemone(body) if "lamp" in str(body) else (501, {"error": "not implemented"})

    with FakeServer(Half()) as server:
        assert not asking(server).decide([one])[0].fell_back


class TestKeys:
    """A key goes to the server and nowhere else."""

    @pytest.mark.parametrize("key", [f"{KEY}\n", f"{KEY}\r\nX-Evil: 1", "ключ-hidden", f"{KEY}\x01"])
    def test_a_key_that_no_header_holds_is_one_sentence(self, monkeypatch, key):
        for variable in ("SANDBOX_API_KEY", "MY_KEY"):
            monkeypatch.setenv(variable, key)
            with pytest.raises(
                SandboxError, match=f"The API key in {variable} has .* in it; set it again"
            ) as caught:
                make_engine("m", server="http://localhost:9/v1", api_key_env=variable)
            assert "hidden" not in str(caught.value)

    @pytest.mark.parametrize("where", ["another port", "another name"])
    def test_no_redirect_takes_it_along(self, monkeypatch, where):
        monkeypatch.setenv("SANDBOX_API_KEY", KEY)
        with FakeServer(lambda *asked: (200, {"data": [{"id": "m"}]})) as sink:
            port = sink.server.server_address[1]
            target = f"http://127.0.0.1:{port}" if where == "another port" else f"http://localhost:{port}"
            with (
                FakeServer(lambda *asked: (302, b"", 0.0, {"Location": target})) as server,
                pytest.raises(
                    SandboxError, match=f"cannot be asked: it redirects to {target}, another server"
                ) as caught,
            ):
                asking(server)
            assert sink.seen == []
        assert KEY not in str(caught.value)

    def test_it_is_in_no_file_and_no_message(self, monkeypatch, tmp_path, one, capsys):
        class Echo(Manners):
            def chat(self, body):
                if "Power" in str(body):
                    return 400, {"error": f"Incorrect API key provided: {KEY}"}
                return 200, chat(self.say(body)) | {"system_fingerprint": KEY}

        monkeypatch.setenv("SANDBOX_API_KEY", KEY)
        cassette = tmp_path / "run.jsonl"
        with FakeServer(Echo()) as server:
            engine = asking(server, dialect="text", cassette=cassette, record=True)
            decision = engine.decide([one])[0]
            assert {headers["Authorization"] for *_, headers in server.seen} == {f"Bearer {KEY}"}
            engine.close()
        assert "Incorrect API key provided: ***" in decision.text
        shown = [
            decision.text,
            cassette.read_text(),
            repr(vars(engine)),
            repr(vars(engine._transport._client)),
            *capsys.readouterr(),
        ]
        assert not any(KEY in text for text in shown)

    def test_of_an_address_with_one_neither_is_written_down(self):
        from experiments.running.llm_config import Mind

        told = Mind(engine={"server": f"http://localhost:8000/v1?key={KEY}"}).told()
        assert told["engine"]["server"] == "http://localhost:8000/v1"
        with pytest.raises(SandboxError) as caught:
            make_engine("m", server=f"http://localhost:9/v1?key={KEY}", retries=0)
        assert KEY not in str(caught.value)


@pytest.mark.parametrize("value", [5, "text", [5], [[["x"]]], [{"type": "text", "text": {"text": ["y"]}}]])
def test_odd_contents_are_text_or_unreadable(value):
    try:
        assert isinstance(read_chat(chat(value)).text, str)
    except UnreadableReply:
        assert value == 5
