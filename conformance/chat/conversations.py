"""Twenty conversations per model family: plain and long text, several scripts, unusual whitespace, tools, reasoning.

A conversation is a dict with `messages` and optionally `tools`, `kwargs` (template variables) and `generate`
(add_generation_prompt, default true). No conversation has numbers like 1.0, which JavaScript prints as 1.
"""

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather, e.g. \"sunny\"; <b>now</b> & here, it's quick.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Name of a city, as in Zürich or 東京"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
            "required": ["city"],
        },
    },
}
ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds two numbers.",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
            "additionalProperties": False,
        },
    },
}
WAIT = {
    "type": "function",
    "function": {"name": "wait", "description": "", "parameters": {"type": "object", "properties": {}}},
}


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


def system(text):
    return {"role": "system", "content": text}


def tool_call(name, arguments, call_id="abcdef123"):
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def tool_result(text, call_id="abcdef123", name="get_weather"):
    return {"role": "tool", "content": text, "tool_call_id": call_id, "name": name}


PLAIN = [
    {"messages": [user("Add 17 and 25.")]},
    {"messages": [system("You answer briefly."), user("Who is at the door?")]},
    {"messages": [user("Hello!"), assistant("Hello. How can I help?"), user("Where is the station?")]},
    {"messages": [user("  two blanks before, one after ")]},
    {"messages": [user("a\n\nb\n"), assistant("\n\nc\n\n"), user("\td\t")]},
    {"messages": [user("Le café était froid; 你好,世界 😀👩‍👩‍👧 مرحبا ﬁ Ⅻ ½ é e\u0301")]},
    {"messages": [user("def f(x):\n    return {'a': [x, x ** 2]}  # \"quoted\"\n\n\nprint(f(3))")]},
    {"messages": [user("1234567890 12 345 6.78 1,000,000 -5 1e10 ４２ ٣")]},
    {"messages": [system("Be kind.\n"), user("q1"), assistant("a1"), user("q2"), assistant("a2"), user("q3")]},
    {"messages": [user("Say nothing."), assistant(""), user("")]},
    {"messages": [user("It's, we're, I'LL, they'd've; don't-stop... OK?!")]},
    {"messages": [user("end with an answer"), assistant("Here it is.")], "generate": False},
    {"messages": [user("x" * 300 + " " * 20 + "ü" * 40)]},
    {"messages": [user("tabs\t\tand\r\nwindows lines\u00a0nbsp\u2003em\u200bzero\u2028line")]},
]

TOOLS = [
    {"messages": [user("What is the weather in Zürich?")], "tools": [WEATHER]},
    {"messages": [system("Use functions."), user("2 + 2?")], "tools": [ADD, WEATHER, WAIT]},
    {
        "messages": [
            user("Weather in Paris?"),
            assistant("", tool_calls=[tool_call("get_weather", {"city": "Paris \"x\" <é>", "unit": "celsius"})]),
            tool_result('{"sky": "clear", "degrees": 21}'),
        ],
        "tools": [WEATHER],
    },
    {
        "messages": [
            user("Add."),
            assistant("", tool_calls=[tool_call("add", {"a": 1, "b": -2, "more": [1, None, True, {"x": "y\n"}]})]),
            tool_result("-1", name="add"),
            assistant("The sum is -1."),
            user("Thanks."),
        ],
        "tools": [ADD],
    },
]

THINKING = [
    {"messages": [user("7 + 8?")], "kwargs": {"enable_thinking": False}},
    {"messages": [user("7 + 8?")], "kwargs": {"enable_thinking": True}},
]


def qwen3():
    return (
        PLAIN[:9]
        + TOOLS
        + THINKING
        + [
            {"messages": [user("a"), assistant("<think>\nhm\n\nhm\n</think>\n\n  b"), user("c")]},
            {
                "messages": [
                    user("Weather and sum?"),
                    assistant(
                        "Let me look.",
                        reasoning_content="\nTwo things.\n",
                        tool_calls=[tool_call("get_weather", {"city": "Rome"}), tool_call("add", '{"a": 1}')],
                    ),
                    tool_result("rain"),
                    tool_result("3", name="add"),
                ],
                "tools": [WEATHER, ADD],
            },
            {"messages": [user("a"), assistant("<think>\n x \n</think>\n\n\n  y ")], "generate": False},
            {
                "messages": [
                    system("s"),
                    user("q"),
                    assistant("<think>\nold\n</think>\n\nanswer"),
                    user("r"),
                    assistant("fine"),
                    user("<tool_response>\nt\n</tool_response>"),
                ],
                "kwargs": {"enable_thinking": False},
            },
            {"messages": [user("late"), system("a system message in between"), user("go on")]},
        ]
    )


def qwen2_5():
    two = [tool_call("get_weather", {"city": "Rome"}), tool_call("add", {"a": 1, "b": 2})]
    return (
        PLAIN[:14]
        + TOOLS
        + [
            {
                "messages": [user("both"), assistant("Wait.", tool_calls=two), tool_result("rain"), tool_result("3")],
                "tools": [WEATHER, ADD],
            },
            {"messages": [user("late"), system("in between"), user("go on")]},
        ]
    )


def llama3():
    return (
        PLAIN[:10]
        + TOOLS
        + [
            {"messages": [user("date?")], "kwargs": {"date_string": "1 Jan 2025"}},
            {
                "messages": [system(" s "), user("f")],
                "tools": [WEATHER, ADD],
                "kwargs": {"tools_in_user_message": False},
            },
            {"messages": [user("f")], "kwargs": {"builtin_tools": ["search", "shell", "clock"]}},
            {"messages": [user("f")], "kwargs": {"custom_tools": [WAIT]}},
            PLAIN[10],
            PLAIN[11],
        ]
    )


def gemma3():
    parts = [{"type": "text", "text": " one "}, {"type": "image"}, {"type": "text", "text": "two\n"}]
    return PLAIN + [
        {"messages": [system([{"type": "text", "text": "Be brief."}]), {"role": "user", "content": parts}]},
        {"messages": [user("  \n a \n ")]},
        {"messages": [user("a  b   c    d     e"), assistant("   f"), user("g\n\n\n\nh\n\ni\n\t\tj")]},
        {"messages": [system("s"), user("1"), assistant("2"), user("3"), assistant("4")], "generate": False},
        {"messages": [user("<b>bold</b> <table><tr><td>1</td></tr></table>")]},
        {"messages": [user("\x00\x01 control \x7f and \ufffd")]},
    ]


def smollm2():
    return PLAIN + [
        {"messages": [system(""), user("no instruction")]},
        {"messages": [user("123 4567 89")]},
        {"messages": [user("  a  b  1  2  ")]},
        {"messages": [system("s"), user("1"), assistant("2")], "generate": False},
        {"messages": [user("\x00\x01 control \x7f")]},
        {"messages": [user("q" + "\n" * 5), assistant(" " * 5), user("'s 'S 've")]},
    ]


def smollm3():
    return (
        PLAIN[:9]
        + THINKING
        + [
            {"messages": [system("Short. /no_think"), user("a"), assistant("\n\nb"), user("c")]},
            {"messages": [system("Long. /think"), user("a")], "kwargs": {"enable_thinking": False}},
            {"messages": [system("Mine. /system_override"), user("a")]},
            {"messages": [user("a"), assistant("\n b"), user("c")], "kwargs": {"enable_thinking": False}},
            {"messages": [user("What is the weather?")], "tools": [WEATHER]},
            {"messages": [user("Sum?")], "tools": [ADD, WAIT], "kwargs": {"enable_thinking": False}},
            {"messages": [user("Sum?")], "kwargs": {"xml_tools": [ADD]}},
            {"messages": [user("Sum?")], "kwargs": {"python_tools": ["def add(a, b): return a + b"]}},
            {
                "messages": [user("w"), assistant("calling"), tool_result("rain"), assistant("It rains.")],
                "generate": False,
            },
        ]
    )


def mistral():
    two = [tool_call("get_weather", {"city": "Rome"}), tool_call("add", {"a": 1, "b": 2}, "zyxwvu987")]
    return (
        PLAIN
        + TOOLS
        + [
            {
                "messages": [
                    user("both"),
                    assistant("", tool_calls=two),
                    tool_result("1"),
                    tool_result("2", "zyxwvu987"),
                ],
                "tools": [WEATHER, ADD],
            },
            {"messages": [system("s"), user("f")], "tools": [WAIT]},
        ]
    )


FAMILIES = {f.__name__: f for f in (qwen3, qwen2_5, llama3, gemma3, smollm2, smollm3, mistral)}
