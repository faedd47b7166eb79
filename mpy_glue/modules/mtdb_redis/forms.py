"""What a document looks like on the server, and what is given to put()."""

import json

from mtdb_redis import text

_DIGITS = "0123456789abcdefghijklmnopqrstuv"


def generated_key(number):
    key = ""
    for _ in range(10):
        key = _DIGITS[number & 31] + key
        number >>= 5
    return key


def put_arguments(args, named):
    """(key or None, data, ttl, tags)"""
    key_first = args and isinstance(args[0], str) and (len(args) > 1 or "data" in named)
    names = ("key", "data", "ttl", "tags") if key_first else ("data", "ttl", "tags", "_id")
    if len(args) > 4:
        raise TypeError("put takes (data, ttl, tags, _id) or (key, data, ttl, tags)")
    given = dict(zip(names, args))
    for name in named:
        if name not in ("key", "data", "ttl", "tags") and (name != "_id" or key_first):
            raise TypeError("put has no argument '%s' here" % name)
        if name in given or (name in ("key", "_id") and ("key" in given or "_id" in given)):
            raise TypeError("put got '%s' twice" % name)
        given[name] = named[name]
    if "data" not in given:
        raise TypeError("put needs data")
    return given.get("key", given.get("_id")), given["data"], given.get("ttl"), given.get("tags")


def info_of(value, tags):
    """What the records keep beside the value, JSON text or None. "own": the document has a field named tags."""
    info = {"tags": tags} if tags else {}
    if isinstance(value, dict) and "tags" in value:
        info["own"] = True
    return json.dumps(info) if info else None


def tags_of(info):
    return json.loads(info).get("tags", []) if info else []


def shown(key, value, info):
    """The value as get() returns it, its tags in a dict as `_tags`."""
    value, tags = text.loads(key, value), tags_of(info)
    if tags and isinstance(value, dict):
        value["_tags"] = tags
    return value


def tag_sets(conditions):
    """The sets on the server that hold all that can match, where a condition asks for one tag; else None."""
    for field in ("_tags", "tags"):
        condition = conditions.get(field)
        if isinstance(condition, dict):
            condition = condition.get("$contains", condition.get("$eq"))
        if isinstance(condition, str):
            return ["tag:" + condition] + (["own"] if field == "tags" else [])
    return None
