"""What stands behind redis:// and nadb's backend "redis": a client of the protocol RESP (resp), records with
tags and a TTL on a server (records), and the document interface over them (documents)."""
