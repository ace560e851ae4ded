"""Mappings: TOML files that say how an event becomes XDM, checked against both schemas, compiled to Python source.

`language` reads the files, `binding` checks them against the Avro and the XDM schema, `compiler` writes the code,
`interpreter` does the same work slowly and plainly, `functions` holds what `call` may name. Knows nothing of Kafka
and nothing of how Avro is decoded: it asks for values by path (`Wants`) and gets a tuple.
"""
