"""The backends of nadb.KeyValueStore: storage_backend="NAME" is the module NAME in here, or in a folder
storage_backends of the program's own, and in it the class NameStorage ("my_disk": MyDiskStorage).

A storage is made as NameStorage(base_path), with the store's data_folder_path. Its one method

    open(db, namespace, compression) -> space

gives what holds the values of one database and namespace, apart from all others, rid of what has expired:

    write(key, value, tags, ttl, now)  its size; value: bytes-like, or with readinto; tags: list of str; ttl: seconds
                                   or None; now: seconds since 1970
    read(key)                      (bytes, metadata), or None
    open_value(key)                (metadata, token), or None
    read_part(token, offset, buffer)   fills the buffer from there on; KeyError when the value is another now
    delete(key)                    whether it was there
    all_metadata()                 metadata of every value, one by one
    tagged(tag)                    metadata of every value with that tag, one by one
    compact()                      (bytes before, bytes after)
    cleanup()                      how many values it removed that had expired
    flush(), purge(), close()

Metadata is a dict of key, size (bytes), tags, ttl (seconds or None), created_at and last_updated (seconds since
1970). `buffered` of a space says whether what is written waits for flush()."""
