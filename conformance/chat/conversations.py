"""Twenty conversations per family: plain, long, many scripts, blanks in odd places, functions, thinking.

A conversation is a dict with `messages` and optionally `tools`, `kwargs` (switches of the template) and
`generate` (whether the next answer is opened; default true). None has numbers such as 1.0, which JSON in
JavaScript cannot tell from 1.
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
NOTHING = {
    "type": "function",
    "function": {"name": "wait", "description": "", "parameters": {"type": "object", "properties": {}}},
}


def user(text):
    return {"role": "user", "content": text}


def bot(text, **more):
    return {"role": "assistant", "content": text, **more}


def system(text):
    return {"role": "system", "content": text}


def call(name, arguments, identity="abcdef123"):
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


def answered(text, identity="abcdef123", name="get_weather"):
    return {"role": "tool", "content": text, "tool_call_id": identity, "name": name}


PLAIN = [
    {"messages": [user("Add 17 and 25.")]},
    {"messages": [system("You answer briefly."), user("Who is at the door?")]},
    {"messages": [user("Hello!"), bot("Hello. How can I help?"), user("Where is the station?")]},
    {"messages": [user("  two blanks before, one after ")]},
    {"messages": [user("a\n\nb\n"), bot("\n\nc\n\n"), user("\td\t")]},
    {"messages": [user("Le café était froid; 你好,世界 😀👩‍👩‍👧 مرحبا ﬁ Ⅻ ½ é e\u0301")]},
    {"messages": [user("def f(x):\n    return {'a': [x, x ** 2]}  # \"quoted\"\n\n\nprint(f(3))")]},
    {"messages": [user("1234567890 12 345 6.78 1,000,000 -5 1e10 ４２ ٣")]},
    {"messages": [system("Be kind.\n"), user("q1"), bot("a1"), user("q2"), bot("a2"), user("q3")]},
    {"messages": [user("Say nothing."), bot(""), user("")]},
    {"messages": [user("It's, we're, I'LL, they'd've; don't-stop... OK?!")]},
    {"messages": [user("end with an answer"), bot("Here it is.")], "generate": False},
    {"messages": [user("x" * 300 + " " * 20 + "ü" * 40)]},
    {"messages": [user("tabs\t\tand\r\nwindows lines\u00a0nbsp\u2003em\u200bzero\u2028line")]},
]

TOOLS = [
    {"messages": [user("What is the weather in Zürich?")], "tools": [WEATHER]},
    {"messages": [system("Use functions."), user("2 + 2?")], "tools": [ADD, WEATHER, NOTHING]},
    {
        "messages": [
            user("Weather in Paris?"),
            bot("", tool_calls=[call("get_weather", {"city": "Paris \"x\" <é>", "unit": "celsius"})]),
            answered('{"sky": "clear", "degrees": 21}'),
        ],
        "tools": [WEATHER],
    },
    {
        "messages": [
            user("Add."),
            bot("", tool_calls=[call("add", {"a": 1, "b": -2, "more": [1, None, True, {"x": "y\n"}]})]),
            answered("-1", name="add"),
            bot("The sum is -1."),
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
            {"messages": [user("a"), bot("<think>\nhm\n\nhm\n</think>\n\n  b"), user("c")]},
            {
                "messages": [
                    user("Weather and sum?"),
                    bot(
                        "Let me look.",
                        reasoning_content="\nTwo things.\n",
                        tool_calls=[call("get_weather", {"city": "Rome"}), call("add", '{"a": 1}')],
                    ),
                    answered("rain"),
                    answered("3", name="add"),
                ],
                "tools": [WEATHER, ADD],
            },
            {"messages": [user("a"), bot("<think>\n x \n</think>\n\n\n  y ")], "generate": False},
            {
                "messages": [
                    system("s"),
                    user("q"),
                    bot("<think>\nold\n</think>\n\nanswer"),
                    user("r"),
                    bot("fine"),
                    user("<tool_response>\nt\n</tool_response>"),
                ],
                "kwargs": {"enable_thinking": False},
            },
            {"messages": [user("late"), system("a system message in between"), user("go on")]},
        ]
    )


def qwen2_5():
    two = [call("get_weather", {"city": "Rome"}), call("add", {"a": 1, "b": 2})]
    return (
        PLAIN[:14]
        + TOOLS
        + [
            {
                "messages": [user("both"), bot("Wait.", tool_calls=two), answered("rain"), answered("3")],
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
            {"messages": [user("f")], "kwargs": {"custom_tools": [NOTHING]}},
            PLAIN[10],
            PLAIN[11],
        ]
    )


def gemma3():
    parts = [{"type": "text", "text": " one "}, {"type": "image"}, {"type": "text", "text": "two\n"}]
    return PLAIN + [
        {"messages": [system([{"type": "text", "text": "Be brief."}]), {"role": "user", "content": parts}]},
        {"messages": [user("  \n a \n ")]},
        {"messages": [user("a  b   c    d     e"), bot("   f"), user("g\n\n\n\nh\n\ni\n\t\tj")]},
        {"messages": [system("s"), user("1"), bot("2"), user("3"), bot("4")], "generate": False},
        {"messages": [user("<b>bold</b> <table><tr><td>1</td></tr></table>")]},
        {"messages": [user("\x00\x01 control \x7f and \ufffd")]},
    ]


def smollm2():
    return PLAIN + [
        {"messages": [system(""), user("no instruction")]},
        {"messages": [user("123 4567 89")]},
        {"messages": [user("  a  b  1  2  ")]},
        {"messages": [system("s"), user("1"), bot("2")], "generate": False},
        {"messages": [user("\x00\x01 control \x7f")]},
        {"messages": [user("q" + "\n" * 5), bot(" " * 5), user("'s 'S 've")]},
    ]


def smollm3():
    return (
        PLAIN[:9]
        + THINKING
        + [
            {"messages": [system("Short. /no_think"), user("a"), bot("\n\nb"), user("c")]},
            {"messages": [system("Long. /think"), user("a")], "kwargs": {"enable_thinking": False}},
            {"messages": [system("Mine. /system_override"), user("a")]},
            {"messages": [user("a"), bot("\n b"), user("c")], "kwargs": {"enable_thinking": False}},
            {"messages": [user("What is the weather?")], "tools": [WEATHER]},
            {"messages": [user("Sum?")], "tools": [ADD, NOTHING], "kwargs": {"enable_thinking": False}},
            {"messages": [user("Sum?")], "kwargs": {"xml_tools": [ADD]}},
            {"messages": [user("Sum?")], "kwargs": {"python_tools": ["def add(a, b): return a + b"]}},
            {"messages": [user("w"), bot("calling"), answered("rain"), bot("It rains.")], "generate": False},
        ]
    )


def mistral():
    two = [call("get_weather", {"city": "Rome"}), call("add", {"a": 1, "b": 2}, "zyxwvu987")]
    return (
        PLAIN
        + TOOLS
        + [
            {
                "messages": [user("both"), bot("", tool_calls=two), answered("1"), answered("2", "zyxwvu987")],
                "tools": [WEATHER, ADD],
            },
            {"messages": [system("s"), user("f")], "tools": [NOTHING]},
        ]
    )


FAMILIES = {f.__name__: f for f in (qwen3, qwen2_5, llama3, gemma3, smollm2, smollm3, mistral)}
