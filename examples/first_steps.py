# The first steps with microtetherdb: micropython examples/first_steps.py
import time
from microtetherdb import MicroTetherDB

with MicroTetherDB() as db:
    # A record is a key and a value that JSON could hold; it may have tags, and live for a time only.
    db.put("kitchen", {"temperature": 21.5, "humidity": 40}, tags=["indoors"])
    db.put("cellar", {"temperature": 12.0, "humidity": 71}, tags=["indoors", "damp"])
    db.put("roof", {"temperature": -3.5, "wind": {"speed": 14, "from": "NW"}}, ttl=0.5)

    print("kitchen:", db.get("kitchen")["temperature"], "degrees")
    print("colder than 15:", db.query({"temperature": {"$lt": 15}}, keys=True))
    print("damp and indoors:", [key for key, _ in db.find({"tags": "damp", "humidity": {"$gte": 60}}, keys=True)])
    print("windy:", [key for key, _ in db.find({"wind.speed": {"$gt": 10}}, keys=True)])

    db["kitchen"]["temperature"] += 1  # what db[key] gives writes itself back
    print("kitchen, warmer:", db["kitchen"]["temperature"])

    try:
        with db.transaction():
            db["attic"] = {"temperature": 18}
            db["attic"]["window"] = open  # no value a database can hold
    except TypeError as error:
        print("rolled back:", error)
    print("attic is there:", "attic" in db)

    time.sleep(0.6)
    print("half a second later:", list(db))
