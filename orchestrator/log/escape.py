"""Foreign text on one line, with nothing in it that a terminal obeys or an eye cannot see."""


def escape(text: str) -> str:
    r"""Return the text with every unprintable character as \xNN, \uNNNN or \UNNNNNNNN.

    That is: controls, escape sequences, line and paragraph separators, text direction, zero-width
    characters, lone surrogates, and spaces that are not the space. A backslash is doubled, so
    that what was escaped can be told from what was written so.
    """
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(map(_visible, text))


def shorten(text: str, width: int) -> str:
    """Return the text escaped and at most `width` characters long; a cut ends in an ellipsis."""
    escaped = escape(text[: width + 1])  # escaping never makes a text shorter
    if len(escaped) <= width:
        return escaped
    kept = ""
    for shown in map(_visible, text):
        if len(kept) + len(shown) >= width:
            break
        kept += shown
    return kept + "…"


def _visible(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if character.isprintable():
        return character
    code = ord(character)
    if code <= 0xFF:  # noqa: PLR2004 - the width of the form, not a number with a meaning
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - as above
