"""Varied texts for comparisons of tokenizers: scripts, numbers, white space, code, and random mixtures of them."""

import random

TEXTS = [
    "", " ", "  ", "   ", "\n", "\n\n", "\n\n\n\n", "\t", "\t\t\t", "\r\n", "\r\n\r\n", " \n", "\n ", " \t \n ",
    "a", "A", "a ", " a", "  a", "a  b", "a   b    c", "Hello, world!", "hello", " hello", "Hello  World",
    "I'm you're he'd we'll they've it's DON'T I'LL", "rock'n'roll 'tis '90s", "The quick brown fox jumps over the lazy dog.",
    "0", "1", "12", "123", "1234", "12345", "1234567890", "3.14159", "1,000,000", "-42", "1e-10", "0x1F", "2+2=4", "½ ¼ ¾", "Ⅻ Ⅳ",
    "٣٤٥", "१२३", "１２３", "²³¹", "①②③", "x²+y²=z²", "E=mc^2", "a_b_c", "snake_case_name", "camelCaseName", "PascalCase", "SCREAMING_CASE",
    "naïve café résumé", "ÀÉÎÕÜ àéîõü", "ÉCOLE École école", "straße STRASSE", "Ελληνικά γλώσσα", "ΑΒΓ αβγ", "Русский язык", "ПРИВЕТ привет Привет",
    "日本語のテキスト", "中文文本", "한국어 텍스트", "ภาษาไทย", "हिन्दी भाषा", "العربية", "עברית", "தமிழ்", "ქართული", "Հայերեն", "አማርኛ",
    "こんにちは、世界！", "你好，世界。", "안녕하세요", "สวัสดี", "नमस्ते दुनिया", "مرحبا بالعالم", "שלום עולם",
    "😀", "😀😀", "👨‍👩‍👧‍👦", "🇩🇪🇫🇷", "👍🏽", "☃ ☂ ☀", "→ ← ↑ ↓", "∑∏∫√∞", "€£¥₹", "©®™", "«»„“”‘’", "…—–", "\u00a0", "a\u00a0b", "\u2003x\u2003",
    "\ufeffabc", "\u0085x", "a\u0085b", "\u200b", "a\u200bb", "\u200d", "\u202eabc", "e\u0301", "n\u0303", "\u0301", "ﬁ ﬂ", "ǅ ǆ Ǆ", "ʰ ʲ", "ªº",
    "def f(x):\n    return x + 1\n", "if (a && b) {\n\tc();\n}\n", "for i in range(10):\n        print(i)\n", "<div class=\"a\">b</div>", "</p><br/>",
    "SELECT * FROM t WHERE a = 'b';", "#include <stdio.h>\n", "// comment\n/* block */", "$x = $y->z['k'];", "a?.b ?? c", "x => x * 2", "```python\nprint()\n```",
    "https://example.com/path?q=1&r=2#frag", "user@example.com", "C:\\Users\\x", "/usr/local/bin", "2024-01-31T12:00:00Z", "{\"a\": [1, 2, {\"b\": null}]}",
    "!!!", "???", "...", "....", ".....", "-----", "=====", "*****", "_____", "#####", "((()))", "[[[]]]", "{{{}}}", "<<<>>>", "\\\\\\", "////", "||||", "&&&&", "~~~~", "````",
    "aaaaaaaaaaaaaaaaaaaa", "ababababab", "abcabcabcabc", "lalalalala", "hahahahaha", "          x", "x          ", "\n          x", "x\n\n\n   y", " \n \n \n",
    "word" * 20, "a b c d e f g h i j", "antidisestablishmentarianism", "supercalifragilisticexpialidocious", "Donaudampfschifffahrtsgesellschaft",
    "<0x0A>", "[PAD]", "<s>", "<unk>", "<pad>", "<bos>", "<eos>", "[INST] x [/INST]", "▁", "▁▁", "a▁b", "Ġ", "ĠĠ", "Ċ", "ł", "\u0000", "\u0001\u0002", "\u001b[31m", "\u007f", "\ufffd", "\ue000", "\U000f0000",
    "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", "a<|endoftext|>b", "<|endoftext|>", "<start_of_turn>user\nx<end_of_turn>\n", " <|im_end|> ", "<|im_end|", "|im_end|>",
]

ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyz", "ABCdefGHIjkl", "0123456789", "01234 56789.,-", " \t\n\r", "  \n", "!?.,;:'\"-_()[]{}<>/\\|@#$%^&*+=~`",
    "áéíóúñçßøåæœ", "абвгдежз АБВГД", "αβγδε ΑΒΓΔ", "日本語中文漢字かなカナ", "한국어가나다", "ابتثج ٠١٢", "कखगघ ०१२", "😀🎉🚀❤️👍", "½¼²³①Ⅻ٣", "\u00a0\u2003\u3000\u2028 ", "e\u0301a\u0300o\u0302 ",
]


def varied_strings(count: int, seed: int = 7) -> list[str]:
    """Returns at least `count` different texts; the same ones for the same seed."""
    draw = random.Random(seed)
    found = dict.fromkeys(TEXTS)
    while len(found) < count:
        parts = []
        for _ in range(draw.randint(1, 5)):
            if draw.random() < 0.4:
                parts.append(draw.choice(TEXTS)[:60])
            else:
                alphabet = draw.choice(ALPHABETS)
                parts.append("".join(draw.choice(alphabet) for _ in range(draw.randint(1, 12))))
        found[draw.choice(["", " ", "\n"]).join(parts)] = None
    return list(found)
