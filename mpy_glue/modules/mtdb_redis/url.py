"""Addresses of the form redis://[:password@]host[:port][/db]."""


def parse(url):
    """(host, port, db, password or None). ValueError says what an address looks like."""
    rest, password, db, port = url[len("redis://") :], None, "0", "6379"
    if "@" in rest:
        user, rest = rest.rsplit("@", 1)
        if user[:1] != ":":
            _fail(url, "a user's name has no place in it")
        password = _unquote(user[1:])
    if "/" in rest:
        rest, path = rest.split("/", 1)
        db = path or "0"
    host = rest
    if ":" in rest:
        host, port = rest.rsplit(":", 1)
    if not host:
        _fail(url, "the host is missing")
    if not _is_number(port) or not 0 < int(port) < 65536:
        _fail(url, "the port must be 1 to 65535")
    if not _is_number(db):
        _fail(url, "the database must be a number")
    return host, int(port), int(db), password


def _is_number(text):
    return 0 < len(text) < 7 and all("0" <= digit <= "9" for digit in text)


def _unquote(text):
    parts = text.encode().split(b"%")
    try:
        return (parts[0] + b"".join(bytes((int(part[:2], 16),)) + part[2:] for part in parts[1:])).decode()
    except ValueError:
        raise ValueError("in a password of redis:// two hexadecimal digits follow a %, which itself is written %25")


def _fail(url, what):
    shown = url.split("@", 1)[-1]  # not the password
    raise ValueError("%s: an address is redis://[:password@]host[:port][/db], but %s" % (shown, what))
