"""Texts for the comparison of tokenizers: a curated list, and seeded random texts up to the wanted number."""

import random
import unicodedata

CURATED = [
    "", " ", "  ", "   ", "\n", "\r\n", "\t", "\n\n\n", " \n ", "a", "A", "Hello world", "  two leading", "trailing  ",
    "a\nb\n\nc", "\t tab", "\r\nwin\r\n", "12345 + 67 = 3.14", "0123456789", "1,234,567.89", "a1b22c333", "x²+y³", "½ Ⅻ ٣",
    "① ⑳ ㊿", "ñandú ÀÉÎ", "日本語テスト", "한국어", "漢字かな交じり文。", "中文，标点！", "مرحبا بالعالم", "हिन्दी में", "ภาษาไทย",
    "עִבְרִית", "Ελληνικά ΑΣ Σ σς", "Привет, мир", "İstanbul ŞİĞ", "Straße ẞ Ǆ ǅ", "ﬁ ﬂ ﬀ ligature", "ＦＵＬＬ　ｗｉｄｔｈ", "ｶﾞ ガ",
    "e\u0301 (decomposed)", "a\u0301\u0327", "\u0345\u0300e", "\u0300leading mark", "\u212b \u2126 \u2160", "😀👩‍👩‍👧🏽", "🇩🇪🇫🇷",
    "👍🏿 ok 👩🏽‍🚀", "❤️ ☎︎", "a\u0085b", "a\u00a0b", "\u00a0nbsp", "\ufeffbom", "a\ufeffb", "a\u200bb", "a\u200db", "a\u2028b\u2029c",
    "a\u001cb\u001db\u001eb\u001fb", "a\u180eb", "x\u3000y", "\u2000\u2001\u2002\u2003\u2009\u200a", "\u202f\u205f", "\x00nul",
    "\x01\x02\x7f\x80\x9f", "\x0b\x0c", "soft\u00adhyphen", "\ue000private", "\ufffd", "\ufffe\uffff", "\U0001fffe", "\U000e0001\U000e0041",
    "\U00020000\U0002a6d6", "\U0001d400\U0001d7ce", "\u0378\u0379", "\U0001fabc", "\u1c89\u1c8a", "\u0e33 \u0eb3", "\u1e9b\u0323",
    "<s>hi</s>", "<unk>", "<pad>", "[CLS] a [SEP] [MASK]", "<mask>", "a <mask> b", "a<mask>b", "  <mask>  ", "<|im_start|>user\nhi<|im_end|>",
    "<|endoftext|>", "<|endoftext|><|endoftext|>", " <|endoftext|> ", "<|eot_id|>\n", "<｜begin▁of▁sentence｜>", "<start_of_turn>user\n",
    "<think>\nhm\n</think>\n\n", "<tool_call>{}</tool_call>", "[INST] a [/INST]", "[R]  c", "x [R]\n\nc", "WORD aWORDb WORD. _WORD_ WORD1", "ÉWORD WORDé WORD-",
    "fooX barY FOOX barY", "fooXbarY", "\u2581under", "\u2581", " \u2581 ", "Ġ byte", "ï»¿bom", "foo_bar__baz", "_", "__", "##ing playing",
    "don't DON'T I'LL we've she'd they're", "can’t ‘quoted’ “text”", "CamelCaseWord snake_case kebab-case", "http://a.b/c?d=e&f#g", "a@b.example",
    '{"k": [1, 2.5, null], "s": "\\n"}', "for (let i = 0; i < n; i++) {\n\tx[i] += 1;\n}", "def f(x):\n    return x**2  # comment\n",
    "if a != b && c >= d || !e: ->", "/* a */ // b", "\\alpha \\frac{1}{2}", "$x_1 + x_2 = \\sqrt{5}$", "...", "?!", "``a'' \"b\"", "-- --- –—", "a,b;c:d.e!f?g",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "          ", "\n\n\n\n\n\n\n\n", "aaaa bbbb cccc", "!!!!!!!!!!!!", "1111111111111", "ab" * 60, " a" * 60,
]  # fmt: skip

WORDS = (
    "the quick brown fox jumps over lazy dog Hello world team solves puzzle answer number half of twelve don't I'm we've "
    "ñandú café naïve über straße 日本語 テスト 한국어 中文 русский текст العربية हिन्दी ελληνικά ไทย 3.14 42 007 1e-5 x=y+z foo_bar baz() [1,2] "
    "{k:v} <b> #tag @user https://ex.org/a?b=1 \U0001f600 \u2764\ufe0f <s> </s> <|im_end|> <unk> [MASK] WORD fooX barY ▁ Ġ"
).split(" ")
SPACES = [" "] * 12 + ["  ", "\n", "\n\n", "\t", "\r\n", "\u00a0", "\u3000", "\u0085", "\u200b", "   ", ""]
BLOCKS = [(0x20, 0x7F), (0, 0x100), (0x100, 0x250), (0x2B0, 0x370), (0x370, 0x530), (0x590, 0x900), (0x900, 0xE00), (0xE00, 0x1200),
          (0x1E00, 0x2100), (0x2100, 0x2C00), (0x2C00, 0x3100), (0x3100, 0x3400), (0x4E00, 0x9FFF), (0xA000, 0xAC00), (0xAC00, 0xD7B0),
          (0xE000, 0xFB00), (0xFB00, 0x10000), (0x10000, 0x11000), (0x1D000, 0x1D800), (0x1F000, 0x20000), (0x20000, 0x30000),
          (0x30000, 0xE0000), (0xE0000, 0x110000)]  # fmt: skip


def is_scalar(code):
    return not 0xD800 <= code < 0xE000


def sentence(rng):
    return "".join(rng.choice(WORDS) + rng.choice(SPACES) for _ in range(rng.randint(1, 30)))


def random_block(rng):
    first, end = rng.choice(BLOCKS)
    codes = (rng.randrange(first, end) for _ in range(rng.randint(1, 24)))
    return "".join(chr(code) if is_scalar(code) else " " for code in codes)


def any_plane(rng):
    codes = (rng.randrange(0x110000) for _ in range(rng.randint(1, 16)))
    return "".join(chr(code) if is_scalar(code) else "\ufffd" for code in codes)


def mixture(rng):
    return "".join(rng.choice([sentence, random_block, any_plane])(rng) for _ in range(rng.randint(2, 4)))


def normal_forms(rng):
    return unicodedata.normalize(rng.choice(["NFD", "NFKD", "NFC", "NFKC"]), mixture(rng))


def cases(rng):
    return rng.choice([str.upper, str.lower, str.title, str.swapcase])(sentence(rng))


def long_run(rng):
    character = rng.choice(["a", " ", "\n", "0", "é", "字", "\U0001f600", "\u0301", "-", "ab", " x", "\r\n"])
    return rng.choice(["", "q"]) + character * rng.randint(30, 400)


def punctuation(rng):
    return "".join(rng.choice("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ ¡¿§«»…—。、「」\n aA1") for _ in range(rng.randint(1, 40)))


KINDS = [sentence, random_block, any_plane, mixture, normal_forms, cases, long_run, punctuation]


def texts(count, seed=14):
    """Returns `count` texts: the curated ones, then random ones of all kinds in turn."""
    rng = random.Random(seed)
    made = list(CURATED)
    while len(made) < count:
        made.append(KINDS[len(made) % len(KINDS)](rng))
    return made[:count]
