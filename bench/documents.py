"""The documents every benchmark uses: name, age and city, about 59 bytes of JSON each."""

import json

FIRST = ("John", "Maria", "Wei", "Fatima", "Olga", "Ahmed", "Chloe", "Ivan", "Aiko", "Peter", "Sofia", "Liam", "Nia")
LAST = ("Smith", "Garcia", "Chen", "Khan", "Petrova", "Okafor", "Martin", "Novak", "Sato", "Brown", "Rossi")
CITIES = (
    "New York",
    "Paris",
    "Hamburg",
    "San Francisco",
    "Oslo",
    "Buenos Aires",
    "Kyoto",
    "Rio de Janeiro",
    "Amsterdam",
)


def document(n):
    return {
        "name": "%s %s %d" % (FIRST[n % 13], LAST[n * 7 % 11], 1000 + n * 31 % 9000),
        "age": n * 7919 % 100,  # one in ten is over 89
        "city": CITIES[n * 5 % 9],
    }


def documents(count):
    return [document(n) for n in range(count)]


def average_json(items):
    """Their mean length as JSON text, in hundredths of a byte."""
    return sum(len(json.dumps(item)) for item in items) * 100 // len(items)


def shuffled(items, seed=1):
    """A new list in an order that is the same in each run."""
    items = list(items)
    state = seed
    for at in range(len(items) - 1, 0, -1):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        other = (state >> 8) % (at + 1)
        items[at], items[other] = items[other], items[at]
    return items
