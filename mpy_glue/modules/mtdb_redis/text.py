"""Values as JSON text and back, floats with as many digits as they need."""

import json
import math


class _Digits:
    """json.dumps writes an object of a class as its repr."""

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text


def dumps(value):
    """JSON text of a value that holds only what JSON can hold."""
    text = json.dumps(value)
    # MicroPython writes fewer digits than a float may need.
    return text if json.loads(text) == value else json.dumps(_with_digits(value))


def loads(key, text):
    """The value that JSON text of the record `key` stands for."""
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError("the record %r on the server is not JSON text" % key)


def _with_digits(value):
    if isinstance(value, float):
        return _Digits(_digits(value))
    if isinstance(value, list):
        return [_with_digits(member) for member in value]
    if isinstance(value, dict):
        return {name: _with_digits(value[name]) for name in value}
    return value


def _digits(number):
    """Digits that this board reads as that very number. Its own reading rounds twice, so neighbours are tried.

    For about one in 500 of the doubles that need this there are none: those come back as their neighbour, while
    a reader that rounds once gets the number itself."""
    if float(repr(number)) == number:
        return repr(number)
    fraction, exponent = math.frexp(abs(number))
    numerator = int(fraction * (1 << 53)) << max(0, exponent - 53)  # exact, over 2 ** shift
    shift = max(0, 53 - exponent)
    sign, nearest = "-" if number < 0 else "", None
    first = 16 - int(math.floor(math.log10(abs(number))))
    for places in range(first, first + 4):
        if places >= 0:
            whole = (numerator * 10**places) >> shift
        else:
            whole = (numerator >> shift) // 10**-places
        unit = max(1, whole >> 53)
        for step in range(6):
            for near in (whole + step * unit, whole - step * unit):
                text = "%s%de%d" % (sign, near, -places)
                if float(text) == number:
                    return text
                nearest = nearest or text
    return nearest
